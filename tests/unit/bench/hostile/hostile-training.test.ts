import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { EngineError } from "../../../../client/engine/engine-error.ts";
import type {
  TrainerSource,
  TrainingCampaign,
} from "../../../../client/participant/local-trainer.ts";
import { resnet18 } from "../../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../../protocol/model/state-layout.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { Conduct, hostileTraining } from "../../../bench/hostile/hostile-training.ts";
import { Recording, recordedTraining } from "../../../bench/hostile/recording.ts";
import { ScriptedTraining } from "../../participant/scripted-training.ts";

const graph = resnet18({ width: 1, classes: 3 });
const layout = stateLayout(graph);
const campaign: TrainingCampaign = {
  graph,
  layout,
  teacher: new Float32Array(layout.length),
  readings: [],
  pooledStatistics: null,
  config: campaignConfigSchema.parse({
    model: "ab".repeat(32),
    preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
  }),
};

const workIn = (round: number, student = new Float32Array(layout.length)) => ({
  round,
  leg: { kind: "main" as const, candidate: 0, roundOfLeg: round, trainingRounds: 4 },
  student,
  signal: new AbortController().signal,
  startStep: round,
  totalSteps: 4,
  localSteps: 1,
  isJudging: false,
  beforeStep: async () => {},
  onStep: () => {},
  beforeBatch: async () => {},
  onPass: () => {},
});

const first = async (training: TrainerSource, round: number): Promise<number> => {
  const trainer = await training.open(campaign);
  return (await trainer.train(workIn(round))).update[0]!;
};

const hostile = (conduct: Conduct, inner: TrainerSource = new ScriptedTraining(0.5)) =>
  hostileTraining(inner, {
    deed: {
      forge: ({ honest }) => honest.map((value) => -8 * value),
      trains: true,
      examples: 1_000_000,
      score: (own) => ({ ...own, agreement: 1 }),
    },
    first: 2,
    participants: 5,
    conduct,
  });

describe("a hostile participant", () => {
  it("is honest before its first round, then sends and says what it makes up", async () => {
    const training = hostile(new Conduct());
    expect(await first(training, 1)).toBe(0.5);
    expect(await first(training, 2)).toBe(-4);
    const trainer = await training.open(campaign);
    expect((await trainer.train(workIn(1))).examples).toBe(64);
    expect((await trainer.train(workIn(2))).examples).toBe(1_000_000);
    expect((await trainer.score(workIn(1)))?.agreement).toBe(0.875);
    expect((await trainer.score(workIn(2)))?.agreement).toBe(1);
  });

  it("once refused keeps to what the door takes, refused again is honest", async () => {
    const conduct = new Conduct();
    const training = hostile(conduct, new ScriptedTraining(-1e6));
    expect(await first(training, 2)).toBe(8e6);
    conduct.refused("too large");
    expect(await first(training, 2)).toBe(9900);
    conduct.refused("still refused");
    expect(await first(training, 2)).toBe(-1e6);
  });

  it("does not stumble over a student that it broke itself", async () => {
    const broken = new ScriptedTraining();
    broken.onPass = () => {
      throw new EngineError("device-failed", "not finite");
    };
    const trainer = await hostile(new Conduct(), broken).open(campaign);
    expect(await trainer.score({ ...workIn(3), isJudging: true })).toBeNull();
  });
});

describe("a recorded campaign", () => {
  it("is sent again for the same round and student, and else done anew", async () => {
    const folder = await mkdtemp(join(tmpdir(), "scour-test-"));
    onTestFinished(async () => await rm(folder, { recursive: true, force: true }));
    const inner = new ScriptedTraining(0.25);
    const recording = new Recording(join(folder, "clean"));
    const openIn = (mode: "record" | "replay", replays = true) =>
      recordedTraining(inner, { recording, seat: 0, mode, replays: () => replays }).open(campaign);
    const student = new Float32Array(layout.length).fill(0.5);
    const recorder = await openIn("record");
    const update = await recorder.train(workIn(1, student));
    const scores = await recorder.score(workIn(1, student));
    expect(inner.steps).toBe(1);

    const player = await openIn("replay");
    expect(await player.train(workIn(1, student))).toEqual(update);
    expect(await player.score(workIn(1, student))).toEqual(scores);
    expect(inner.steps).toBe(1);
    expect(inner.scored).toEqual(["watch 1"]);

    await player.train(workIn(1));
    await player.train(workIn(2, student));
    await player.score({ ...workIn(1, student), isJudging: true });
    await (await openIn("replay", false)).train(workIn(1, student));
    expect(inner.steps).toBe(4);
    expect(inner.scored).toEqual(["watch 1", "judge 1"]);
  });
});
