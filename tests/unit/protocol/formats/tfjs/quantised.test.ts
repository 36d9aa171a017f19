import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFloats } from "../../../../../protocol/formats/float-encodings.ts";
import { importModel, restoreModel } from "../../../../../protocol/formats/import-model.ts";
import { shortNumber } from "../../../../../protocol/formats/tfjs/grids.ts";
import { entryView } from "../../../../../protocol/model/state-layout.ts";
import {
  bundleOf,
  bytesOf,
  modelOf,
  restoredWith,
  type Files,
} from "../../../../fixtures/folder-in-memory.ts";
import { distance, logitsOf } from "./answers.ts";
import { asRead, modelFiles, pixels, savedByTfjs, scatter } from "./tfjs-models.ts";

const SIDE = 16;

function smallModel(): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [SIDE, SIDE, 3], filters: 4, kernelSize: 3, strides: 4 }),
      tf.layers.batchNormalization(),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3 }),
    ],
  });
  scatter(model);
  return model;
}

interface Artifacts {
  readonly modelTopology: object;
  readonly weights: tf.io.WeightsManifestEntry[];
  readonly data: Uint8Array;
}

type Stored = "uint8" | "uint16" | "float16";

/** The model with its weights stored otherwise, as the converter's `--quantize_*` has them. */
async function quantised(dtype: Stored): Promise<Artifacts> {
  const files = await savedByTfjs(smallModel());
  const { modelTopology, weightsManifest } = JSON.parse(
    Buffer.from(bytesOf(files["model.json"]!)).toString(),
  ) as { modelTopology: object; weightsManifest: { weights: tf.io.WeightsManifestEntry[] }[] };
  const floats = new Float32Array(
    (files["group1-shard1of1.bin"] as Uint8Array<ArrayBuffer>).buffer,
  );
  const pieces: Uint8Array[] = [];
  let at = 0;
  const weights = weightsManifest[0]!.weights.map((weight) => {
    const size = weight.shape.reduce((product, extent) => product * extent, 1);
    const values = floats.subarray(at, at + size);
    at += size;
    if (dtype === "float16") {
      pieces.push(encodeFloats("F16", values));
      return Object.assign(weight, { quantization: { dtype } });
    }
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min || 1) / (dtype === "uint8" ? 255 : 65535);
    const numbers = Array.from(values, (value) => Math.round((value - min) / scale));
    const typed = dtype === "uint8" ? Uint8Array.from(numbers) : Uint16Array.from(numbers);
    pieces.push(new Uint8Array(typed.buffer));
    return Object.assign(weight, { quantization: { dtype, min, scale } });
  });
  return { modelTopology, weights, data: new Uint8Array(Buffer.concat(pieces)) };
}

const filesOf = ({ data, modelTopology, weights }: Artifacts): Files =>
  modelFiles(modelTopology, weights, data);

describe("quantised weights of TensorFlow.js", () => {
  it.each(["uint8", "uint16", "float16"] as const)(
    "[W7.3] come back as float32 where that is asked for: %s",
    async (dtype) => {
      const artifacts = await quantised(dtype);
      const { data, modelTopology, weights } = artifacts;
      // Its shards are cut within a value.
      const files = modelFiles(modelTopology, weights, data, [7]);
      const model = await modelOf(files);
      const state = model.state.map((value) => value + 1 / 3);
      const wide = (await model.file.widened!())!;
      const pieces: Uint8Array[] = [];
      const from = (offset: number, length: number) => state.subarray(offset, offset + length);
      for await (const piece of restoreModel({ ...model, file: wide }, from)) {
        pieces.push(piece.slice());
      }
      const bytes = Buffer.concat(pieces);
      expect(bytes).toHaveLength(wide.totalBytes);
      const again = await importModel(bytes);
      expect(again.file.findings).toEqual([]);
      expect(again.state).toEqual(state);
      expect(again.graph).toEqual(model.graph);
      expect(await again.file.widened!()).toBeUndefined();
    },
  );

  it.each(["uint8", "uint16", "float16"] as const)(
    "[W7.1] are read as TensorFlow.js reads %s",
    async (dtype) => {
      const artifacts = await quantised(dtype);
      const { data, modelTopology, weights: weightSpecs } = artifacts;
      const weightData = data.slice().buffer;
      const theirs = await tf.loadLayersModel(
        tf.io.fromMemory({ modelTopology, weightSpecs, weightData }),
      );
      const pictures = pixels(2, SIDE);
      const expected = theirs.predict(asRead(pictures, SIDE, (pixel) => pixel / 255)) as tf.Tensor;
      const model = await modelOf(filesOf(artifacts));
      expect(
        distance(await logitsOf(model, pictures), expected.dataSync<"float32">()),
      ).toBeLessThan(1e-4);
      const rules = model.file.findings.map(({ rule }) => rule);
      expect(rules).toEqual([dtype === "float16" ? "float16-weights" : "quantised-weights"]);
    },
  );

  it.each(["uint8", "uint16", "float16"] as const)(
    "[W7] come back byte for byte as %s",
    async (dtype) => {
      const files = filesOf(await quantised(dtype));
      const model = await modelOf(files);
      expect(await restoredWith(model, model.state)).toEqual(await bundleOf(files));
    },
  );

  it("[W7.2] get the grid that new values need, in as many characters, and are the nearest on it", async () => {
    const model = await modelOf(filesOf(await quantised("uint8")));
    const changed = model.state.map((value, i) => value * 1.7 + (i % 5) / 100);
    const bytes = await restoredWith(model, changed);
    expect(bytes).toHaveLength(model.file.totalBytes);
    const again = await importModel(bytes);
    for (const entry of model.layout.entries) {
      const values = entryView(changed, entry);
      const step = (Math.max(...values) - Math.min(...values)) / 255;
      expect(distance(values, entryView(again.state, entry))).toBeLessThan(0.51 * step);
    }
  });

  it("[W7.2] are told of where their numbers have no room for others", async () => {
    const { weights, ...artifacts } = await quantised("uint8");
    const [kernel, ...others] = weights;
    const coarse = { ...kernel!, quantization: { dtype: "uint8" as const, min: 0, scale: 1 } };
    const model = await modelOf(filesOf({ ...artifacts, weights: [coarse, ...others] }));
    const finding = model.file.findings.find(({ rule }) => rule === "coarse-quantisation");
    expect(finding).toMatchObject({ level: "warning", where: kernel!.name });
    // The nearest that there is: all that these numbers can say.
    const again = await importModel(
      await restoredWith(
        model,
        model.state.map((value) => value - 0.3),
      ),
    );
    const [entry] = model.layout.entries;
    expect(entryView(again.state, entry!)).toEqual(entryView(model.state, entry!));
  });
});

describe("a number in so many characters", () => {
  it("is on the side that is asked for, close where there is room, and JSON", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.constantFrom("down" as const, "up" as const),
        fc.integer({ min: 8, max: 24 }),
        (value, rounded, room) => {
          const text = shortNumber(value, rounded, room);
          if (text === undefined) {
            // Only what is too small or large for an exponent of two digits.
            expect(Math.abs(value)).toBeLessThan(1e-9);
            return;
          }
          expect(text.length).toBeLessThanOrEqual(room);
          const number = JSON.parse(text) as number;
          if (rounded === "down") expect(number).toBeLessThanOrEqual(value);
          else expect(number).toBeGreaterThanOrEqual(value);
          expect(Math.abs(number - value)).toBeLessThanOrEqual(Math.abs(value) * 0.5 + 1e-9);
        },
      ),
    );
  });
});
