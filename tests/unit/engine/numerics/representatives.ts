import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { ADVERSARIES, adversaryScenario, perturbedScenario } from "./adversary-scenarios.ts";
import { expectOutcome } from "./closeness.ts";
import { decidableCase } from "./decidable-case.ts";
import { onEngine, type Scenario } from "./numeric-case.ts";
import { graphAt, PLACES, type Sizes } from "./places.ts";
import { REGULARISERS, regulariserScenario } from "./regulariser-scenarios.ts";
import * as scenarios from "./scenarios.ts";
import { statisticsScenario } from "./statistics-suite.ts";

const GROUP = 2;
const BATCH = 2 * GROUP;
const SIZES: Sizes = {
  height: 4,
  width: 3,
  imageChannels: 3,
  stemChannels: 4,
  channels: 8,
  kernel: 3,
  stride: 2,
  padding: 1,
  grouping: 2,
  classes: 4,
  norm: [GROUP, 2],
  seed: 5,
};

/** Where all that is no place's matter is met. */
const ONE_PLACE = "a convolution of the images, rectified";

/** Beside the residual network of the golden run: groups, depthwise, and loops written as data. */
const GRADIENT_AT = [
  "a bottleneck around a grouped convolution",
  "an inverted residual around a depthwise convolution",
  "a transformer's block behind a class token and positions",
];

/** One of each kind of step, those whose copies are changed in every way. */
const EVERYTHING: readonly (readonly [title: string, scenario: Scenario])[] = [
  ["steps", scenarios.stepsScenario(BATCH)],
  ["supervised steps", scenarios.supervisedScenario(BATCH)],
  ["pixels, cropped and mirrored", scenarios.pixelsScenario(BATCH)],
  ["warped copies, and ascents", adversaryScenario(ADVERSARIES[7]!, BATCH)],
  ["stretched copies with a pattern", adversaryScenario(ADVERSARIES[10]!, BATCH)],
  ["copies each perturbed by itself", adversaryScenario(ADVERSARIES[11]!, BATCH)],
  ["regularisers together", regulariserScenario(REGULARISERS[2]!, BATCH)],
  ["perturbed images", perturbedScenario(BATCH)],
  ["statistics", statisticsScenario(BATCH)],
];

/**
 * One of each of what `describeNumerics` looks for everywhere, for an engine that runs the kernels of
 * another that it has looked at: they come to the reference, and to the same bits again.
 */
export function describeRepresentatives(name: string, open: () => Promise<Engine>): void {
  describe(`representative numerics of ${name}`, () => {
    let engine: Engine;
    beforeAll(async () => {
      engine = await open();
    });
    afterAll(async () => {
      await engine?.close();
    });

    async function compare(title: string, scenario: Scenario): Promise<void> {
      const network = graphAt(
        PLACES.find((place) => place.title === title)!,
        SIZES,
      );
      const { drawn, expected } = await decidableCase(network, GROUP, SIZES.seed, scenario);
      const outcome = await onEngine(engine, drawn, scenario);
      expectOutcome(drawn, outcome, expected);
      expect(await onEngine(engine, drawn, scenario)).toEqual(outcome);
    }

    it.each(GRADIENT_AT)("are the reference's: %s", async (title) => {
      await compare(title, scenarios.gradientScenario(BATCH));
    });

    it.each(EVERYTHING)("are the reference's: %s", async (_, scenario) => {
      await compare(ONE_PLACE, scenario);
    });
  });
}
