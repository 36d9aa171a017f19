import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../../protocol/errors.ts";
import { importModel } from "../../../../../protocol/formats/import-model.ts";
import { refusal } from "../../problem.ts";
import {
  bundleOf,
  bytesOf,
  modelOf,
  restoredWith,
  type Files,
} from "../../../../fixtures/folder-in-memory.ts";
import { distance, logitsOf, softmax } from "./answers.ts";
import { asRead, pixels, savedByTfjs, scatter } from "./tfjs-models.ts";

const SIDE = 17;
const { layers } = tf;

type Symbols = tf.SymbolicTensor | tf.SymbolicTensor[];

const apply = (layer: tf.layers.Layer, value: Symbols) => layer.apply(value) as tf.SymbolicTensor;

/** Every way of padding, stride, grouping and joining that layers have, between scaled pixels and a softmax. */
function manyLayers(): tf.LayersModel {
  const input = tf.input({ shape: [SIDE, SIDE, 3] });
  let value = apply(layers.rescaling({ scale: 1 / 127.5, offset: -1 }), input);
  value = apply(
    layers.zeroPadding2d({
      padding: [
        [0, 1],
        [2, 1],
      ],
    }),
    value,
  );
  value = apply(layers.conv2d({ filters: 6, kernelSize: 3, strides: 2, useBias: false }), value);
  value = apply(layers.batchNormalization({ epsilon: 0.01 }), value);
  value = apply(layers.reLU({ maxValue: 6 }), value);
  value = apply(layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }), value);
  const shortcut = value;
  value = apply(
    layers.depthwiseConv2d({ kernelSize: 3, padding: "same", depthMultiplier: 2 }),
    value,
  );
  value = apply(layers.batchNormalization({ scale: false }), value);
  value = apply(layers.leakyReLU({ alpha: 0.1 }), value);
  value = apply(layers.conv2d({ filters: 6, kernelSize: 1, activation: "tanh" }), value);
  value = apply(layers.add(), [value, shortcut]);
  const separable = layers.separableConv2d({
    filters: 5,
    kernelSize: [3, 1],
    strides: 2,
    padding: "same",
  });
  const other = layers.conv2d({
    filters: 3,
    kernelSize: [2, 3],
    strides: 2,
    padding: "same",
    dilationRate: 1,
  });
  value = apply(layers.concatenate(), [apply(separable, value), apply(other, value)]);
  value = apply(layers.dropout({ rate: 0.5 }), value);
  value = apply(layers.averagePooling2d({ poolSize: 2, strides: 1, padding: "same" }), value);
  value = apply(layers.flatten(), value);
  value = apply(layers.dense({ units: 7, activation: "elu" }), value);
  value = apply(layers.dense({ units: 4, activation: "softmax" }), value);
  return tf.model({ inputs: input, outputs: value });
}

/** As models are made of others: a Sequential of a model of layers and a Sequential. */
function nested(): tf.LayersModel {
  const base = tf.sequential({
    layers: [
      layers.conv2d({ inputShape: [SIDE, SIDE, 3], filters: 4, kernelSize: 3, strides: 3 }),
      layers.globalAveragePooling2d({ dataFormat: "channelsLast" }),
    ],
  });
  const head = tf.sequential({
    layers: [
      layers.dense({ inputShape: [4], units: 5, activation: "relu" }),
      layers.dense({ units: 3 }),
    ],
  });
  return tf.sequential({ layers: [base, head] });
}

async function saved(model: tf.LayersModel, cuts?: readonly number[]): Promise<Files> {
  scatter(model);
  return await savedByTfjs(model, cuts);
}

describe("a layers model of TensorFlow.js", () => {
  it("[W7] gives TensorFlow.js' own probabilities, its scaling of pixels being its preprocessing", async () => {
    const theirs = manyLayers();
    const model = await modelOf(await saved(theirs));
    expect(model.file.kind).toBe("TensorFlow.js layers model");
    expect(model.preprocessing).toMatchObject({
      range: "symmetric",
      mean: [0, 0, 0],
      std: [1, 1, 1],
    });
    const pictures = pixels(3, SIDE);
    const expected = theirs.predict(asRead(pictures, SIDE, (pixel) => pixel)) as tf.Tensor;
    const logits = await logitsOf(model, pictures);
    expect(distance(softmax(logits, 4), expected.dataSync<"float32">())).toBeLessThan(1e-5);
  });

  it("[W7] is read where models lie in it, up to its logits", async () => {
    const theirs = nested();
    const model = await modelOf(await saved(theirs));
    expect(model.preprocessing.mean).toBeUndefined();
    const pictures = pixels(3, SIDE);
    const expected = theirs.predict(asRead(pictures, SIDE, (pixel) => pixel / 255)) as tf.Tensor;
    const logits = await logitsOf(model, pictures);
    expect(distance(logits, expected.dataSync<"float32">())).toBeLessThan(1e-4);
  });

  it("[W7] asks for the size of the pictures where its input leaves it open", async () => {
    const theirs = tf.sequential({
      layers: [
        layers.conv2d({ inputShape: [null, null, 3], filters: 4, kernelSize: 3, strides: 2 }),
        layers.globalAveragePooling2d({ dataFormat: "channelsLast" }),
        layers.dense({ units: 3 }),
      ],
    });
    const bytes = await bundleOf(await saved(theirs));
    await expect(importModel(bytes)).rejects.toThrow(/network\.size/);
    const pictures = pixels(2, SIDE);
    const expected = theirs.predict(asRead(pictures, SIDE, (pixel) => pixel / 255)) as tf.Tensor;
    const logits = await logitsOf(await importModel(bytes, { size: SIDE }), pictures);
    expect(distance(logits, expected.dataSync<"float32">())).toBeLessThan(1e-4);
  });

  it("[W7] comes back byte for byte, however its shards are cut, and with new values where they belong", async () => {
    const files = await saved(manyLayers(), [1, 1001, 1002]);
    const model = await modelOf(files);
    expect(await restoredWith(model, model.state)).toEqual(await bundleOf(files));
    const changed = model.state.map((value, i) => Math.abs(value) + (i % 7) / 8);
    const again = await importModel(await restoredWith(model, changed));
    expect(again.state).toEqual(changed);
    expect(again.layout).toEqual(model.layout);
  });

  it("knows what Teachable Machine says of its models", async () => {
    const files = await saved(nested());
    const { file, preprocessing } = await modelOf({
      ...files,
      "metadata.json": { packageName: "@teachablemachine/image", labels: ["a", "b", "c"] },
    });
    expect(file.classNames).toEqual(["a", "b", "c"]);
    expect(preprocessing).toMatchObject({ resize: "shorter-side", range: "symmetric" });
  });

  it.each([
    ["a layer that is not read", { class_name: "ConvLSTM2D" }, /'conv2d_.*' is a ConvLSTM2D/],
    [
      "an activation that is not read",
      { activation: "mish" },
      /'conv2d_.*' has the activation "mish"/,
    ],
    ["channels first", { data_format: "channels_first" }, /channels_last/],
    ["pictures of another size", { batch_input_shape: [null, 299, 299, 3] }, /299×299.*16 to 256/],
    ["pictures of more channels", { batch_input_shape: [null, 32, 32, 4] }, /4 channels/],
    ["a weight that is not there", { name: "other" }, /'other' has no weight 'kernel'/],
  ] as const)("is refused by name with %s", async (_what, change, says) => {
    const files = await saved(nested());
    const json = JSON.parse(Buffer.from(bytesOf(files["model.json"]!)).toString()) as {
      modelTopology: {
        config: { layers: { config: { layers: { class_name: string; config: object }[] } }[] };
      };
    };
    const [layer] = json.modelTopology.config.layers[0]!.config.layers;
    if ("class_name" in change) layer!.class_name = change.class_name;
    else Object.assign(layer!.config, change);
    const changed = { ...files, "model.json": json };
    expect(await refusal("unsupported-model", modelOf(changed))).toMatch(says);
  });

  it("is taken or refused by name, whatever is changed in its model.json", async () => {
    const files = await saved(nested());
    const json = Buffer.from(bytesOf(files["model.json"]!)).toString();
    const places = [...json.matchAll(/"[^"]*"|[\d.]+|true|false|null/g)];
    const values = fc.constantFrom(
      "null",
      "-1",
      "1e99",
      '""',
      '"../x"',
      "[]",
      "{}",
      "[[1]]",
      "true",
    );
    const changes = fc.array(fc.tuple(fc.nat(places.length - 1), values), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(changes, async (changed) => {
        let text = json;
        for (const [place, value] of changed.toSorted(([a], [b]) => b - a)) {
          const { 0: token, index } = places[place]!;
          text = text.slice(0, index) + value + text.slice(index + token.length);
        }
        const bundled = bundleOf({ ...files, "model.json": new TextEncoder().encode(text) });
        const [settled] = await Promise.allSettled([bundled.then((bytes) => importModel(bytes))]);
        if (settled.status === "rejected") expect(settled.reason).toBeInstanceOf(ProtocolError);
      }),
      { numRuns: 150 },
    );
  });

  it("is refused when a shard is missing, or shorter than its weights", async () => {
    const files = await saved(nested());
    const { "group1-shard1of1.bin": shard, ...rest } = files;
    expect(await refusal("malformed-model", modelOf(rest))).toMatch(
      /'group1-shard1of1.bin' is missing/,
    );
    const short = { ...rest, "group1-shard1of1.bin": (shard as Uint8Array).slice(4) };
    expect(await refusal("malformed-model", modelOf(short))).toMatch(
      /weights of \d+ bytes.*hold \d+/,
    );
  });
});
