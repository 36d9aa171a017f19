import { expect, it } from "vitest";
import type { TrainerSource, TrainingCampaign } from "../../../client/participant/local-trainer.ts";
import { trainingInTurn } from "../../../client/simulation/train-in-turn.ts";

it("the speed of a shared device is measured once for all who take turns on it", async () => {
  let benchmarks = 0;
  const training: TrainerSource = {
    device: "shared",
    open: () =>
      Promise.resolve({
        measureFit: () => Promise.resolve(null),
        measure: () => Promise.resolve(10 * ++benchmarks),
        screenImages: () => Promise.resolve({ images: 1, setAside: 0 }),
        seekWeaknesses: () => Promise.resolve(),
        score: () => Promise.resolve(null),
        compare: () => Promise.resolve(null),
        measureStatistics: () => Promise.resolve(null),
        train: () => Promise.reject(new Error("nobody trains here")),
        examine: () => Promise.resolve("neither"),
        close: () => undefined,
      }),
  };
  const inTurn = trainingInTurn();
  const trainers = await Promise.all(
    [1, 2, 3].map(() => inTurn(training).open({} as TrainingCampaign)),
  );
  const { signal } = new AbortController();
  const speeds = trainers.map((trainer) =>
    trainer.measure({ signal, beforeRun: () => Promise.resolve() }),
  );
  expect(await Promise.all(speeds)).toEqual([10, 10, 10]);
  expect(benchmarks).toBe(1);
});
