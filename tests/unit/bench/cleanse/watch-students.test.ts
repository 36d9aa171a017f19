import { expect, it } from "vitest";
import type { LocalTrainer, TrainerSource } from "../../../../client/participant/local-trainer.ts";
import { watchingStudents, type SeenStudent } from "../../../bench/cleanse/watch-students.ts";

const leg = { kind: "main", candidate: 0, roundOfLeg: 2, trainingRounds: 9 } as const;

it("shows each round's student before it is scored, and passes everything on", async () => {
  const calls: string[] = [];
  const trainer: LocalTrainer = {
    measureFit: async () => null,
    measure: async () => 17,
    screenImages: async () => ({ images: 1, setAside: 0 }),
    seekWeaknesses: async () => void calls.push("shortcuts"),
    score: async () => (calls.push("score"), null),
    compare: async () => null,
    measureStatistics: async () => (calls.push("statistics"), null),
    train: async () => {
      calls.push("train");
      return { update: new Float32Array(1), examples: 3, loss: 0.1, agreement: 1 };
    },
    examine: async () => "neither",
    close: () => void calls.push("close"),
  };
  const training: TrainerSource = { device: "abacus", open: async () => trainer };
  const seen: SeenStudent[] = [];
  const watched = watchingStudents(training, async (student) => {
    calls.push("look");
    seen.push(student);
  });
  expect(watched.device).toBe("abacus");
  const opened = await watched.open({} as Parameters<TrainerSource["open"]>[0]);
  const { signal } = new AbortController();
  const student = Float32Array.of(1, 2);
  const hooks = { signal, beforeRun: async () => {} };
  expect(await opened.measure(hooks)).toBe(17);
  const round = { round: 5, leg, student, signal };
  const work = { ...round, isJudging: false, beforeBatch: async () => {}, onPass: () => {} };
  expect(await opened.score(work)).toBeNull();
  const steps = { startStep: 0, totalSteps: 1, localSteps: 1 };
  const told = { beforeStep: async () => {}, onStep: () => {} };
  expect(await opened.train({ ...round, ...steps, ...told })).toMatchObject({ examples: 3 });
  const measuring = { signal, beforeBatch: async () => {}, onImages: () => {} };
  expect(await opened.measureStatistics(measuring)).toBeNull();
  opened.close();
  expect(calls).toEqual(["look", "score", "train", "statistics", "close"]);
  expect(seen).toEqual([{ round: 5, leg, isJudging: false, student }]);
});
