import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import { expectOutcome } from "./closeness.ts";
import { ADVERSARIES, adversaryScenario, perturbedScenario } from "./adversary-scenarios.ts";
import { convNormRelu, deepHead } from "./blocks.ts";
import { decidableCase } from "./decidable-case.ts";
import { drawCase, onEngine, type Scenario } from "./numeric-case.ts";
import { describePerturbations } from "./perturbation-suite.ts";
import { describeStatistics, statisticsScenario } from "./statistics-suite.ts";
import { graphAt, PLACES, sizes, tileSizes, type Sizes } from "./places.ts";
import { randomBatch, randomGraph, type RandomGraph } from "./random-graph.ts";
import { REGULARISERS, regulariserScenario } from "./regulariser-scenarios.ts";
import * as scenarios from "./scenarios.ts";
import { SETTINGS } from "./scenarios.ts";

export interface NumericsOptions {
  /** Cases to a property; 6 when left out. */
  readonly runs?: number;
  /**
   * For a device that compiles kernels slowly: what is no place's matter is tried on one network alone,
   * with one seed.
   */
  readonly onOneNetwork?: boolean;
}

/** For what looks at weights and not at operations: with one linear layer, with several, with norms. */
const WEIGHTS_IN_FEW_KERNELS = PLACES.filter(({ block, head }, i) =>
  [i === 0, block === convNormRelu, head === deepHead].includes(true),
);

const known = new Map<string, ReturnType<typeof decidableCase>>();

/**
 * As `decidableCase`. Engines that are tried in one file draw the same: what the reference says of a draw is
 * computed once. A test's title, without the engine's, stands for its scenario.
 */
function remembered(...asked: Parameters<typeof decidableCase>): ReturnType<typeof decidableCase> {
  const [{ graph }, normGroupSize, seed] = asked;
  const [, ...title] = (expect.getState().currentTestName ?? "").split(" > ");
  const key = JSON.stringify([title, graph, normGroupSize, seed]);
  const found = known.get(key) ?? decidableCase(...asked);
  known.set(key, found);
  return found;
}

/**
 * What every backend must do, against the float64 reference and against itself. Opens one engine
 * for all of it.
 *
 * @example
 * describeNumerics("ours on WebGPU", () => openWebgpuEngine(gpu, true), { runs: 2 });
 */
export function describeNumerics(
  name: string,
  open: () => Promise<Engine>,
  { runs = 6, onOneNetwork = false }: NumericsOptions = {},
): void {
  describe(`numerics of ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(async () => {
      await engine?.close();
    });
    const seeds = fc.noShrink(onOneNetwork ? fc.constant(1) : fc.nat());
    const network = (seed: number): RandomGraph => randomGraph(onOneNetwork ? 1 : seed);
    const anywhere = fc.tuple(fc.constantFrom(...PLACES), sizes);
    const whereWeightsAre = fc.tuple(fc.constantFrom(...WEIGHTS_IN_FEW_KERNELS), sizes);

    async function compare(
      drawnNetwork: RandomGraph,
      normGroupSize: number | undefined,
      seed: number,
      scenario: Scenario,
    ): Promise<void> {
      const { drawn, expected } = await remembered(drawnNetwork, normGroupSize, seed, scenario);
      expectOutcome(drawn, await onEngine(engine, drawn, scenario), expected);
    }

    function itAgreesOnRandomGraphs(title: string, scenario: (seed: number) => Scenario): void {
      it(title, async () => {
        await check(seeds, runs, async (seed) => {
          await compare(network(seed), undefined, seed, scenario(seed));
        });
      });
    }

    describe.each(PLACES)("$title", (place) => {
      it("gives the gradient, loss and logits of the reference", async () => {
        await check(sizes, runs, async (drawn) => {
          const scenario = scenarios.gradientScenario(batchSize(drawn));
          await compare(graphAt(place, drawn), drawn.norm[0], drawn.seed, scenario);
        });
      });
    });

    it("gives the reference's gradient where channels fill tiles and spill over", async () => {
      const inTiles = fc.tuple(fc.constantFrom(...PLACES), tileSizes);
      await check(inTiles, Math.ceil(runs / 2), async ([place, drawn]) => {
        const scenario = scenarios.gradientScenario(batchSize(drawn));
        await compare(graphAt(place, drawn), drawn.norm[0], drawn.seed, scenario);
      });
    });

    it("takes two steps like the reference: parameters, velocity, running statistics", async () => {
      await check(anywhere, 2 * runs, async ([place, drawn]) => {
        const scenario = scenarios.stepsScenario(batchSize(drawn));
        await compare(graphAt(place, drawn), drawn.norm[0], drawn.seed, scenario);
      });
    });

    itAgreesOnRandomGraphs("takes supervised steps like the reference", (seed) =>
      scenarios.supervisedScenario(2 + (seed % 5)),
    );
    itAgreesOnRandomGraphs("crops, mirrors and normalises pixels like the reference", (seed) =>
      scenarios.pixelsScenario(2 + (seed % 5)),
    );
    itAgreesOnRandomGraphs(
      "serves batches of several sizes in one session, in any order of calls",
      () => scenarios.severalSizesScenario,
    );

    it.each(ADVERSARIES)(
      "[D9.9] [D9.15] trains against a perturbation like the reference: $norm, $scope, $ascents ascents, warps: $warps, stretches: $stretches, patterned: $patterned",
      async (kind) => {
        await check(anywhere, Math.ceil(runs / 2), async ([place, drawn]) => {
          const scenario = adversaryScenario(kind, batchSize(drawn));
          await compare(graphAt(place, drawn), drawn.norm[0], drawn.seed, scenario);
        });
      },
    );
    it.each(REGULARISERS)("[D10.2] [D10.3] trains with $title like the reference", async (kind) => {
      await check(whereWeightsAre, Math.ceil(runs / 2), async ([place, drawn]) => {
        const scenario = regulariserScenario(kind, batchSize(drawn));
        await compare(graphAt(place, drawn), drawn.norm[0], drawn.seed, scenario);
      });
    });
    itAgreesOnRandomGraphs("answers perturbed images, and knows which way is worse", (seed) =>
      perturbedScenario(1 + (seed % 5)),
    );
    describePerturbations(() => engine);
    itAgreesOnRandomGraphs("[B2] measures what the teacher's norms read", (seed) =>
      statisticsScenario(2 + (seed % 5)),
    );
    describeStatistics(() => engine, network(4));

    it("gives the same bits in another session, and again after other use and a load", async () => {
      await check(seeds, runs, async (seed) => {
        await checkSameBits(engine, network(seed), seed);
      });
    });

    it("moves nothing but running statistics for a gradient, nothing at all for logits", async () => {
      const drawn = drawCase(network(2), undefined, 2);
      const batch = randomBatch(drawn.graph, 4, drawn.seed);
      const { trainableLength } = drawn.layout;
      await onEngine(engine, drawn, async (session) => {
        await session.trainingLogits(batch);
        await session.logits("student", batch);
        expect(await session.read()).toEqual({ state: drawn.student, results: [] });
        await session.gradient(batch, SETTINGS[0]);
        const { state, results } = await session.read();
        expect(results).toEqual([]);
        expect(state.subarray(0, trainableLength)).toEqual(
          drawn.student.subarray(0, trainableLength),
        );
      });
    });

    it("tells of each step once, in order", async () => {
      const drawn = drawCase(network(3), undefined, 3);
      const batch = randomBatch(drawn.graph, 4, drawn.seed);
      await onEngine(engine, drawn, async (session) => {
        for (let i = 0; i < 3; i++) await session.step(batch, SETTINGS[0]);
        const first = await session.results();
        expect(first).toHaveLength(3);
        expect(await session.results()).toEqual([]);
        await session.step(batch, SETTINGS[0]);
        const { results } = await session.read();
        expect(results).toHaveLength(1);
        expect((await session.read()).results).toEqual([]);
        session.load(drawn.student);
        for (let i = 0; i < 4; i++) await session.step(batch, SETTINGS[0]);
        expect(await session.results()).toEqual([...first, ...results]);
      });
    });

    it("refuses a batch that its norm groups do not divide", async () => {
      const drawn = drawCase(network(1), 2, 1);
      await onEngine(engine, drawn, async (session) => {
        const step = session.step(randomBatch(drawn.graph, 5, 1), SETTINGS[0]);
        await expect(step).rejects.toThrow(EngineError);
      });
    });
  });
}

function batchSize({ norm: [groupSize, groups] }: Sizes): number {
  return groupSize * groups;
}

/** fast-check with a fixed seed; gives up shrinking where each case is slow. */
async function check<T>(
  arbitrary: fc.Arbitrary<T>,
  numRuns: number,
  property: (drawn: T) => Promise<void>,
): Promise<void> {
  let shrinks = 0;
  let failed = false;
  const attempt = async (drawn: T): Promise<void> => {
    // Once a failure is known, "passing" the rest ends the search for a smaller one.
    if (failed && shrinks++ >= 30) return;
    try {
      await property(drawn);
    } catch (cause) {
      failed = true;
      throw cause;
    }
  };
  await fc.assert(fc.asyncProperty(arbitrary, attempt), { seed: 20261122, numRuns });
}

/** Everything a session returns, twice over; no bit may depend on what it did before. */
async function checkSameBits(engine: Engine, network: RandomGraph, seed: number): Promise<void> {
  const drawn = drawCase(network, 2, seed);
  const other = randomBatch(drawn.graph, 4, drawn.seed + 1);
  const everything = [
    scenarios.stepsScenario(6),
    scenarios.gradientScenario(6),
    scenarios.supervisedScenario(6),
    scenarios.pixelsScenario(6),
    // Ascents of many perturbations before the step.
    adversaryScenario(ADVERSARIES[4]!, 6),
    perturbedScenario(6),
  ];
  const first = await onEngine(engine, drawn, async (session) => {
    const outcomes = [];
    for (const scenario of everything) {
      session.load(drawn.student);
      outcomes.push(await scenario(session, drawn));
    }
    return outcomes;
  });
  const second = await onEngine(engine, drawn, async (session) => {
    const outcomes = [];
    for (const scenario of everything.toReversed()) {
      session.load(drawn.teacher);
      await session.step(other, SETTINGS[1]);
      await session.results();
      session.load(drawn.student);
      outcomes.unshift(await scenario(session, drawn));
    }
    return outcomes;
  });
  expect(second).toEqual(first);
}
