import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { plainBatch } from "../../../client/distil/normalise.ts";
import type { Judge } from "../../../client/judge/judge.ts";
import { openNodeJudge } from "../../../client/judge/node-judge.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";
import { goldenW4 } from "../engine/golden-files.ts";
import { graphAt, PLACES, type Sizes } from "../engine/numerics/places.ts";
import { randomGraph, randomPixelBatch, randomState } from "../engine/numerics/random-graph.ts";
import { ReferenceSession } from "../engine/numerics/reference-session.ts";

const SIZES: Sizes = {
  height: 5,
  width: 6,
  imageChannels: 3,
  stemChannels: 4,
  channels: 6,
  kernel: 3,
  stride: 2,
  padding: 1,
  grouping: 2,
  classes: 4,
  norm: [2, 1],
  seed: 1,
};

let judge: Judge;
beforeAll(async () => {
  judge = await openNodeJudge();
});

describe("TensorFlow.js as a judge", () => {
  const drawn = [42, 50, 53, 56, 57].map((seed) => ({
    title: `network ${seed}`,
    seed,
    net: randomGraph(seed),
  }));
  const placed = PLACES.map((place, seed) => ({
    title: place.title,
    seed,
    net: graphAt(place, SIZES),
  }));
  const networks = [...drawn, ...placed];

  it("is asked about grouped and strided convolutions", () => {
    const operations = networks.flatMap(({ net }) => net.graph.operations);
    expect(operations.some((one) => one.kind === "conv2d" && one.groups > 1)).toBe(true);
    expect(operations.some((one) => one.kind === "conv2d" && one.stride[0] > 1)).toBe(true);
  });

  it.each(networks)(
    "gives the reference's logits, and leaves no tensor behind: $title",
    async ({ seed, net: { graph, layout } }) => {
      const { inputShape } = graph;
      const { pixels, size: count } = randomPixelBatch(graph, 5, seed);
      const images = { pixels, count, ...inputShape };
      const mean = [0.5, 0.4, 0.45, 0.55].slice(0, inputShape.channels);
      const std = [0.2, 0.25, 0.3, 0.22].slice(0, inputShape.channels);
      const state = randomState(layout, seed);
      const indices = [3, 0, 4];
      const reference = new ReferenceSession({ graph, layout, teacher: state });
      const batch = await plainBatch(images, indices, { mean, std });
      const expected = await reference.logits("teacher", batch);

      const before = tf.memory().numTensors;
      const model = judge.read({ graph, layout, state });
      const logits = await model.logits(images, indices, { mean, std });
      model.close();
      expect(tf.memory().numTensors).toBe(before);
      expect(relativeError(logits, expected)).toBeLessThan(1e-5);
    },
  );

  it("answers as PyTorch does", async () => {
    const { expected, images, run, teacher } = await goldenW4();
    const model = judge.read(teacher);
    const indices = expected.teacherLogits.map((_, i) => i);
    const logits = await model.logits(images, indices, run.normalisation);
    model.close();
    expect(relativeError(logits, expected.teacherLogits.flat())).toBeLessThan(1e-5);
  });

  it("names itself, its version and its backend", () => {
    expect(judge.name).toMatch(/^TensorFlow\.js \d+\.\d+\.\d+ \(wasm\)$/);
  });
});
