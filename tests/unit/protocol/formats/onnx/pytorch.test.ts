import * as ort from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../../../client/engine/engine.ts";
import { openWasmEngine } from "../../../../../client/engine/wasm/wasm-engine.ts";
import {
  importModel,
  restoreModel,
  type ImportedModel,
} from "../../../../../protocol/formats/import-model.ts";
import {
  ANSWERS,
  image,
  imageChannelsLast,
  onnxFixture,
  SIDE,
} from "../../../../fixtures/onnx/read-fixture.ts";

ort.env.wasm.numThreads = 1;

const NAMES = Object.keys(ANSWERS);

const imported = async (name: string): Promise<ImportedModel> =>
  importModel(await onnxFixture(name), name === "any-size" ? { size: SIDE } : {});

/** What is left of logits that a softmax has gone over: all but a summand. */
function withoutSummand(logits: ArrayLike<number>): number[] {
  const all = Array.from(logits);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return all.map((value) => value - mean);
}

async function exported(model: ImportedModel, state: Float32Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of restoreModel(model, (offset, n) =>
    state.subarray(offset, offset + n),
  )) {
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

describe("ONNX files that PyTorch wrote", () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openWasmEngine({ threads: 1 });
  });
  afterAll(() => engine?.close());

  async function answered(
    { graph, layout }: ImportedModel,
    state: Float32Array,
  ): Promise<Float32Array> {
    const session = engine.openSession({ graph, layout, teacher: state });
    const values = imageChannelsLast(graph.inputShape.channels);
    const logits = await session.logits("teacher", { values, size: 1 });
    session.close();
    return logits;
  }

  it.each(NAMES)("[W8] [W8.1] %s is answered as by PyTorch", async (name) => {
    const model = await imported(name);
    const isNormed = model.file.findings.some(({ rule }) => rule === "onnx-behind-logits");
    const told = (logits: ArrayLike<number>) =>
      isNormed ? withoutSummand(logits) : Array.from(logits);
    const ours = told(await answered(model, model.state));
    told(ANSWERS[name]!).forEach((value, i) => expect(ours[i]).toBeCloseTo(value, 4));
  });

  it.each(NAMES)(
    "[W8.4] %s comes out byte for byte, and its every weight is in its state",
    async (name) => {
      const model = await imported(name);
      expect(await exported(model, model.state)).toEqual(await onnxFixture(name));
    },
  );

  it.each(["mixed", "vit"])(
    "[W8.4] %s, trained, is answered by ONNX Runtime as by Scour",
    async (name) => {
      const model = await imported(name);
      const { layout, state } = model;
      const trained = state.map((value, i) =>
        i < layout.trainableLength ? value * (1 + Math.sin(i) / 9) : value,
      );
      const session = await ort.InferenceSession.create(await exported(model, trained));
      const input = new ort.Tensor("float32", image(3), [1, 3, SIDE, SIDE]);
      const { [session.outputNames[0]!]: theirs } = await session.run({ input });
      const ours = await answered(model, trained);
      ours.forEach((value, i) => expect(value).toBeCloseTo(Number(theirs!.data[i]), 3));
      expect(ours).not.toEqual(await answered(model, state));
      await session.release();
    },
  );
});
