import { describe, expect, it } from "vitest";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { stateLayout } from "../../../protocol/model/state-layout.ts";
import type { Engine, Session } from "../../../client/engine/engine.ts";
import { placedValues } from "../../../client/engine/step/place-images.ts";
import { evaluateModel } from "../../../client/evaluation/evaluate-model.ts";

const graph = resnet18({ width: 1, classes: 3 });
const layout = stateLayout(graph);

function unused(): never {
  throw new Error("evaluation must not train");
}

/** Answers with the class that stands in an image's first pixel, plus the model's own shift. */
const openSession: Engine["openSession"] = ({ teacher }) => {
  const logits: Session["logits"] = (_which, batch) => {
    const values = placedValues(batch, graph.inputShape);
    const { size } = batch;
    const rows = new Float32Array(size * 3);
    for (let row = 0; row < size; row++) {
      const first = Math.round(values[row * 3072]! * 255) + teacher[0]!;
      rows[row * 3 + (first % 3)] = 1;
    }
    return Promise.resolve(rows);
  };
  return {
    load: unused,
    step: unused,
    results: unused,
    gradient: unused,
    superviseStep: unused,
    read: unused,
    trainingLogits: unused,
    perturbedLogits: unused,
    channelStatistics: unused,
    logits,
    close: () => {},
  };
};
const pixelReader: Engine = {
  backend: "wasm",
  adapter: "pixel reader",
  openSession,
  requireRoom: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

function images(firstPixels: readonly number[]) {
  const pixels = new Uint8Array(firstPixels.length * 3072);
  firstPixels.forEach((pixel, index) => pixels.fill(pixel, index * 3072, index * 3072 + 1));
  return { pixels, count: firstPixels.length, height: 32, width: 32, channels: 3 };
}

function model(shift: number) {
  return { graph, layout, state: new Float32Array(layout.length).fill(shift) };
}

const normalisation = { mean: [0, 0, 0], std: [1, 1, 1] };

describe("evaluateModel", () => {
  it("judges clean and stamped images, whatever the batch size", async () => {
    const task = {
      model: model(0),
      teacher: model(1),
      clean: { images: images([0, 1, 2, 2, 1]), labels: [0, 1, 2, 0, 0] },
      triggered: { images: images([0, 0, 1, 2]), labels: [1, 0, 1, 1], target: 0 },
    };
    for (const batchSize of [1, 2, 100]) {
      expect(await evaluateModel(pixelReader, task, { normalisation, batchSize })).toEqual({
        acc: 3 / 5,
        asr: 1 / 3,
        ra: 1 / 3,
        agreement: 0,
        images: 5,
      });
    }
  });

  it("says null for what was not asked", async () => {
    const clean = { images: images([0, 1]), labels: [0, 1] };
    expect(await evaluateModel(pixelReader, { model: model(0), clean }, { normalisation })).toEqual(
      { acc: 1, asr: null, ra: null, agreement: null, images: 2 },
    );
  });

  it("reports progress that ends at 1", async () => {
    const shares: number[] = [];
    const clean = { images: images([0, 1, 2]), labels: [0, 1, 2] };
    await evaluateModel(
      pixelReader,
      { model: model(0), teacher: model(0), clean },
      { normalisation, batchSize: 2, onProgress: (share) => shares.push(share) },
    );
    expect(shares).toEqual([2 / 6, 3 / 6, 5 / 6, 1]);
  });
});
