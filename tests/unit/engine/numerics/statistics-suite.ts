import { expect, it } from "vitest";
import type { Engine } from "../../../../client/engine/engine.ts";
import { drawCase, onEngine, type Scenario } from "./numeric-case.ts";
import { randomBatch, type RandomGraph } from "./random-graph.ts";
import { SETTINGS } from "./scenarios.ts";

/** What the teacher's norms read over batches of several sizes, tensor by tensor. */
export function statisticsScenario(size: number): Scenario {
  return async (session, { graph, layout, seed }) => {
    const perturbations: Record<string, Float32Array> = {};
    for (const images of [size, size + 3]) {
      const found = await session.channelStatistics(randomBatch(graph, images, seed + images));
      for (const { name, offset, size: length } of layout.entries) {
        const at = offset - layout.trainableLength;
        if (at >= 0) perturbations[`${name} of ${images}`] = found.slice(at, at + length);
      }
    }
    return { perturbations };
  };
}

/** What holds of statistics beside being those of the reference. */
export function describeStatistics(engine: () => Engine, network: RandomGraph): void {
  it("[B2] measuring statistics changes nothing, and gives the same bits after other use", async () => {
    const drawn = drawCase(network, undefined, 4);
    const { graph, layout, seed } = drawn;
    const batch = randomBatch(graph, 4, seed);
    const image = new Float32Array(batch.values.length / 4);
    const answers = new Float32Array(4 * graph.classes).fill(1 / graph.classes);
    await onEngine(engine(), drawn, async (session) => {
      const first = await session.channelStatistics(batch);
      expect(first).toHaveLength(layout.length - layout.trainableLength);
      expect(await session.read()).toEqual({ state: drawn.student, results: [] });
      const before = await session.perturbedLogits("teacher", batch, image, answers);
      expect(await session.channelStatistics(batch)).toEqual(first);
      expect(await session.perturbedLogits("teacher", batch, image, answers)).toEqual(before);
      await session.step(batch, SETTINGS[0]);
      expect(await session.channelStatistics(batch)).toEqual(first);
      expect((await session.read()).results).toHaveLength(1);
    });
  });
}
