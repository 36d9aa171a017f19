import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseSeed, reinitialise, reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { placeOf } from "../../../protocol/round/timeline.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import { float32View } from "../../../protocol/floats.ts";
import { DEMO_IMAGES } from "../../../client/demo/demo-campaign.ts";
import { drawImages } from "../../../client/demo/draw-images.ts";
import { labelledImages } from "../../../client/demo/labelled-images.ts";
import type { Engine } from "../../../client/engine/engine.ts";
import { engineTrainers } from "../../../client/participant/open-engine-trainer.ts";
import { combineVectors, type RoundOfVectors } from "./combine-vectors.ts";

/** What one round began with, and what honest participants sent. */
export interface RecordedRound {
  readonly teacher: Float32Array<ArrayBuffer>;
  /** What the round before began with. */
  readonly before: Float32Array<ArrayBuffer>;
  readonly student: Float32Array<ArrayBuffer>;
  /** θ_round − θ_local, by participant. */
  readonly updates: readonly Float32Array<ArrayBuffer>[];
}

const IMAGES_EACH = 500;

/** A pause, a deadline, somebody who looks on: there are none here. */
const nobody = {
  signal: new AbortController().signal,
  beforeStep: () => Promise.resolve(),
  onStep: () => undefined,
};

/**
 * Trains rounds among honest participants, without a coordinator, and keeps the last; read from the folder
 * where it is there.
 */
export async function recordedRound(
  folder: string,
  model: ImportedModel,
  config: CampaignConfig,
  engine: Engine,
  note: (line: string) => void,
): Promise<RecordedRound> {
  const { goal } = config.round;
  const names = ["before", "student", ...Array.from({ length: goal }, (_, i) => `update-${i}`)];
  const read = async (name: string): Promise<Float32Array<ArrayBuffer>> =>
    float32View(new Uint8Array(await readFile(join(folder, `${name}.f32`))));
  try {
    const [before, student, ...updates] = await Promise.all(names.map(read));
    return { teacher: model.state, before: before!, student: student!, updates };
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
  const round = await train(model, config, engine, note);
  await mkdir(folder, { recursive: true });
  const arrays = [round.before, round.student, ...round.updates];
  for (const [i, name] of names.entries()) {
    await writeFile(join(folder, `${name}.f32`), new Uint8Array(arrays[i]!.buffer));
  }
  return round;
}

async function train(
  { graph, layout, state }: ImportedModel,
  config: CampaignConfig,
  engine: Engine,
  note: (line: string) => void,
): Promise<RecordedRound> {
  const { goal } = config.round;
  const { reinit, distillation } = config;
  const strength = reinit.strength === "auto" ? 1 : reinit.strength;
  const plan = reinitPlan(graph, reinit.strategy, strength, new Map());
  let before = state;
  let student = reinitialise(state, layout, plan, parseSeed(reinit.seed!));
  const trainers = [];
  for (let seat = 0; seat < goal; seat++) {
    const drawn = drawImages(IMAGES_EACH, DEMO_IMAGES.poolSeed + 100 * seat);
    const training = engineTrainers({
      engine,
      images: labelledImages(drawn).images,
      seed: new Uint8Array(16).fill(seat + 1),
    });
    trainers.push(
      await training.open({
        graph,
        layout,
        teacher: state,
        readings: [],
        config,
        pooledStatistics: null,
      }),
    );
  }
  for (let round = 0; ; round++) {
    const { roundOfLeg, startStep, totalSteps } = placeOf(config, round);
    const leg = {
      kind: "main" as const,
      candidate: 0,
      roundOfLeg,
      trainingRounds: distillation.rounds,
    };
    const updates: Float32Array<ArrayBuffer>[] = [];
    for (const [seat, trainer] of trainers.entries()) {
      const { localSteps } = distillation;
      const work = { round, leg, student, startStep, totalSteps, localSteps, ...nobody };
      updates.push((await trainer.train(work)).update);
      note(
        `  honest round ${round + 1} of ${distillation.rounds}, participant ${seat + 1} of ${goal}`,
      );
    }
    const last = { teacher: state, before, student, updates };
    if (round + 1 === distillation.rounds) {
      for (const trainer of trainers) trainer.close();
      return last;
    }
    const mean: RoundOfVectors = { graph, layout, ...last };
    before = student;
    student = combineVectors({ kind: "median-clipped-mean" }, 0, mean).student;
  }
}
