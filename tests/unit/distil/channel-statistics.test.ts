import { expect, it, onTestFinished } from "vitest";
import { channelStatistics } from "../../../client/distil/channel-statistics.ts";
import { plainBatch } from "../../../client/distil/normalise.ts";
import { openWasmEngine } from "../../../client/engine/wasm/wasm-engine.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import { seededStream } from "../../../client/demo/draw-images.ts";
import { randomState } from "../engine/numerics/random-graph.ts";

const NORMALISATION = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };

function noise(count: number, { height, width }: { height: number; width: number }) {
  const random = seededStream(5);
  const pixels = Uint8Array.from({ length: count * height * width * 3 }, () => random.word() & 255);
  return { pixels, count, height, width, channels: 3 };
}

const valuesOf = (pixels: Uint8Array, channel: number): number[] =>
  [...pixels].filter((_, i) => i % 3 === channel).map((pixel) => pixel / 255);
const momentsOf = (values: readonly number[]) => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, variance: squares / (values.length - 1) };
};

it("[B2] statistics batch by batch are those of all images in one batch", async () => {
  const graph = resnet18({ width: 2, classes: 3 });
  const layout = stateLayout(graph);
  const teacher = randomState(layout, 3);
  const engine = await openWasmEngine({ threads: 1 });
  onTestFinished(() => engine.close());
  const session = engine.openSession({ graph, layout, teacher });
  const images = noise(21, graph.inputShape);
  const indices = Uint32Array.from({ length: 17 }, (_, i) => i + 3);
  const told: number[] = [];
  const options = { session, graph, layout, images, indices, normalisation: NORMALISATION };
  const found = await channelStatistics(
    { ...options, batchSize: 6 },
    { onImages: (done) => void told.push(done) },
  );
  expect(told).toEqual([5, 11, 17]);
  const batch = await plainBatch(images, [...indices], NORMALISATION);
  const whole = await session.channelStatistics(batch);
  expect(found).toHaveLength(layout.length - layout.trainableLength);
  found.forEach((value, i) => {
    expect(Math.abs(value - whole[i]!)).toBeLessThan(1e-4 * (1 + Math.abs(whole[i]!)));
  });
});

it("[B2] keep the variance of values whose mean is a million deviations", async () => {
  // A norm that reads the images, whose statistics an exact device tells.
  const inputShape = { height: 1, width: 2, channels: 3 };
  const norm = { scale: "scale", shift: "shift", runningMean: "mean", runningVariance: "variance" };
  const graph: Graph = {
    architecture: "norm",
    input: "image",
    inputShape,
    output: "pooled",
    classes: 3,
    operations: [
      {
        kind: "batch-norm",
        input: "image",
        output: "normal",
        ...norm,
        epsilon: 1e-5,
        momentum: 0.1,
      },
      { kind: "global-average-pool", input: "normal", output: "pooled" },
    ],
    parameters: [
      { name: "scale", role: "norm-scale", shape: [3] },
      { name: "shift", role: "norm-shift", shape: [3] },
      { name: "mean", role: "running-mean", shape: [3] },
      { name: "variance", role: "running-variance", shape: [3] },
    ],
  };
  const layout = stateLayout(graph);
  const offset = 2 ** 18;
  const images = noise(64, inputShape);
  const session = {
    channelStatistics: async (batch: { pixels?: Uint8Array }) => {
      const moments = [0, 1, 2].map((channel) => momentsOf(valuesOf(batch.pixels!, channel)));
      return Float32Array.from([
        ...moments.map(({ mean }) => offset + mean),
        ...moments.map(({ variance }) => variance),
      ]);
    },
  } as Parameters<typeof channelStatistics>[0]["session"];
  const indices = Uint32Array.from({ length: 64 }, (_, i) => i);
  const found = await channelStatistics({
    session,
    graph,
    layout,
    images,
    indices,
    normalisation: NORMALISATION,
    batchSize: 16,
  });
  for (const channel of [0, 1, 2]) {
    const { variance } = momentsOf(valuesOf(images.pixels, channel));
    // Means come as float32, 1/32 apart here, which is all that is lost.
    expect(Math.abs(found[3 + channel]! - variance)).toBeLessThan(1e-3);
    expect(Math.abs(found[channel]! - offset - 0.5)).toBeLessThan(0.1);
  }
});
