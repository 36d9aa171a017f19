import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshState, modelFile } from "../../client/attack/fresh-model.ts";
import { exportModel } from "../../client/cli/commands/campaign/export.ts";
import {
  startCoordinator,
  type Coordinator,
} from "../../client/cli/coordinator/start-coordinator.ts";
import { openModelUpload, readModel } from "../../client/cli/model-file.ts";
import { seededStream } from "../../client/demo/draw-images.ts";
import { resnet18 } from "../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import type { AggregationRule } from "../../protocol/round/aggregation-rule.ts";
import { ATTACKS, firstRound, type Attack } from "../bench/hostile/attacks.ts";
import { normOf } from "../bench/hostile/forgeries.ts";
import { Conduct, hostileTraining } from "../bench/hostile/hostile-training.ts";
import { adminOf, runSeatedCampaign, seatSeeds } from "../bench/hostile/run-campaign.ts";
import { ScriptedTraining } from "../unit/participant/scripted-training.ts";

const PARTICIPANTS = 5;
const ROUNDS = 2;
/** What every honest participant changes every value by, a round. */
const CHANGE = 1e-3;

const graph = resnet18({ width: 1, classes: 3 });
const layout = stateLayout(graph);
const { trainableLength } = layout;

/** Its own fifth of what an honest one moves, turned round at the most; with room for rounding. */
const furthest = ((2 * CHANGE * Math.sqrt(trainableLength)) / PARTICIPANTS) * 1.001;

const attackNamed = (name: string): Attack => ATTACKS.find((attack) => attack.name === name)!;

describe("[O1][O5][O6] one hostile participant of five", () => {
  let folder: string;
  let coordinator: Coordinator;
  let model: string;
  let honest: Float32Array;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "scour-test-"));
    const teacher = join(folder, "teacher.safetensors");
    await writeFile(teacher, modelFile(layout, freshState(graph, layout, new Uint8Array(32))));
    const upload = await openModelUpload(teacher);
    model = upload.digest;
    coordinator = await startCoordinator({ report: () => {} });
    await adminOf(coordinator).uploadModel(upload);
    honest = (await run()).state;
  });

  afterAll(async () => {
    await coordinator?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The student at the end; all rounds' updates are the same, but for the attack's. */
  async function run(attack?: Attack, rule?: AggregationRule) {
    const conduct = attack && new Conduct();
    const seats = seatSeeds(seededStream(1), PARTICIPANTS).map((seed, seat) => {
      const training = new ScriptedTraining(CHANGE);
      if (attack === undefined || conduct === undefined || seat > 0) return { training, seed };
      const first = firstRound(attack.when, ROUNDS);
      const options = { deed: attack.deed, first, participants: PARTICIPANTS, conduct };
      return { training: hostileTraining(training, options), seed, conduct };
    });
    const config = {
      name: "hostile",
      model,
      preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      // A student that began as its teacher would be led nowhere by being replaced by it.
      reinit: { seed: "01".repeat(32), strength: 1 },
      distillation: { rounds: ROUNDS, localSteps: 2, batchSize: 2 },
      judging: { radii: [0.072] },
      round: { goal: PARTICIPANTS },
      aggregation: rule === undefined ? {} : { rule },
      // Rounding of int8 is chance.
      codec: "f32" as const,
    };
    const { signal: stop } = new AbortController();
    const end = await runSeatedCampaign({ coordinator, config, seats, stop });
    const out = join(folder, "cleansed.safetensors");
    await exportModel(adminOf(coordinator), end.report.id, out);
    const { state } = await readModel(out);
    return { ...end, state, refusals: conduct?.refusals ?? [] };
  }

  const moved = (state: Float32Array): number =>
    normOf(state.subarray(0, trainableLength).map((value, i) => value - honest[i]!));
  /** Of running variances, least and most. */
  const ratios = (state: Float32Array): [least: number, most: number] => {
    const variances = layout.entries.filter(({ role }) => role === "running-variance");
    const all = variances.flatMap(({ offset, size }) =>
      Array.from({ length: size }, (_, i) => state[offset + i]! / honest[offset + i]!),
    );
    return [Math.min(...all), Math.max(...all)];
  };

  it("takes the student no further than an honest one in its place could, whatever it sends", async () => {
    for (const name of ["replacement-weights:1-last", "ten-weights:1-last", "sign-flip:1-last"]) {
      const { refusals, report, state } = await run(attackNamed(name));
      expect(report.state, name).toBe("finished");
      expect(refusals, name).toEqual([]);
      expect(moved(state), name).toBeGreaterThan(0);
      expect(moved(state), name).toBeLessThan(furthest);
    }
    const unbounded = await run(attackNamed("replacement-weights:1-last"), { kind: "mean" });
    expect(moved(unbounded.state)).toBeGreaterThan(10 * furthest);
  });

  it("moves no running variance by more than a fifth, all of them or one", async () => {
    for (const name of [
      "variances-0:1-last",
      "variances-up:1-last",
      "one-variance:1-last",
      "cheapest-variances:1-last",
    ]) {
      const [least, most] = ratios((await run(attackNamed(name))).state);
      expect(least, name).toBeGreaterThan(0.79);
      expect(most, name).toBeLessThan(1.21);
    }
    const [, most] = ratios(
      (await run(attackNamed("variances-up:1-last"), { kind: "mean" })).state,
    );
    expect(most).toBeGreaterThan(1000);
  });

  it("[U8] is refused at the door what no training gives; what it then sends is bounded", async () => {
    for (const name of ["huge:1-last", "variances-0-boosted:1-last"]) {
      const { refusals, report, state } = await run(attackNamed(name));
      expect(refusals, name).toHaveLength(1);
      expect(report.state, name).toBe("finished");
      expect(moved(state), name).toBeLessThan(furthest);
      const [least, most] = ratios(state);
      expect(least, name).toBeGreaterThan(0.79);
      expect(most, name).toBeLessThan(1.21);
    }
  });
});
