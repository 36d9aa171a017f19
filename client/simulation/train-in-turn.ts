import type { TrainerSource } from "../participant/local-trainer.ts";

/**
 * Lets participants that share one device train one after another: the device holds one student in
 * training at a time, and each round's steps run as fast as they would alone. Its speed is measured
 * once for all.
 *
 * @returns a function that makes a training take turns with all others it was given.
 */
export function trainingInTurn(): (training: TrainerSource) => TrainerSource {
  let last: Promise<unknown> = Promise.resolve();
  let speed: number | undefined;
  const inTurn = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = last.then(work);
    // The next one's turn comes however this one ends.
    last = result.catch(() => {});
    return result;
  };
  return (training) => ({
    device: training.device,
    prepare: async (shape) => await training.prepare?.(shape),
    open: (campaign) =>
      inTurn(async () => {
        const trainer = await training.open(campaign);
        return {
          measure: (hooks) => inTurn(async () => (speed ??= await trainer.measure(hooks))),
          measureFit: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.measureFit(work);
            }),
          screenImages: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.screenImages(work);
            }),
          seekWeaknesses: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              await trainer.seekWeaknesses(work);
            }),
          score: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.score(work);
            }),
          compare: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.compare(work);
            }),
          measureStatistics: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.measureStatistics(work);
            }),
          train: (work) =>
            inTurn(async () => {
              work.signal.throwIfAborted();
              return await trainer.train(work);
            }),
          examine: (student) => inTurn(() => trainer.examine(student)),
          close: () => trainer.close(),
        };
      }),
  });
}
