import { describe, expect, it } from "vitest";
import { openModel } from "../../../../../protocol/formats/import-model.ts";
import { bytesInMemory } from "../../../../../protocol/formats/byte-source.ts";
import { withHuggingFace } from "../../../../../protocol/formats/bundle/hugging-face.ts";
import type { FolderModel } from "../../../../../protocol/formats/bundle/folder-format.ts";
import {
  writeSafetensors,
  type TensorToWrite,
} from "../../../../../protocol/formats/safetensors/writer.ts";
import { sizeOf } from "../../../../../protocol/model/graph.ts";
import { bundleOf, folderOf } from "../../../../fixtures/folder-in-memory.ts";

const CHANNELS = 8;
const PATCH = 8;

const tensor = (name: string, ...shape: number[]): TensorToWrite => ({
  name,
  shape,
  dtype: "F32",
  values: new Float32Array(sizeOf(shape)),
});

const layer = (name: string, out: number, within: number): TensorToWrite[] => [
  tensor(`${name}.weight`, out, within),
  tensor(`${name}.bias`, out),
];

/** A ViT of one block for images of 16 pixels, under the names of Hugging Face. */
function smallVit(): Uint8Array {
  const block = "vit.encoder.layer.0";
  return writeSafetensors([
    tensor("vit.embeddings.cls_token", 1, 1, CHANNELS),
    tensor("vit.embeddings.position_embeddings", 1, 5, CHANNELS),
    tensor("vit.embeddings.patch_embeddings.projection.weight", CHANNELS, 3, PATCH, PATCH),
    tensor("vit.embeddings.patch_embeddings.projection.bias", CHANNELS),
    ...["query", "key", "value"].flatMap((part) =>
      layer(`${block}.attention.attention.${part}`, CHANNELS, CHANNELS),
    ),
    ...layer(`${block}.attention.output.dense`, CHANNELS, CHANNELS),
    ...layer(`${block}.intermediate.dense`, 16, CHANNELS),
    ...layer(`${block}.output.dense`, CHANNELS, 16),
    ...["layernorm_before", "layernorm_after"].flatMap((norm) => [
      tensor(`${block}.${norm}.weight`, CHANNELS),
      tensor(`${block}.${norm}.bias`, CHANNELS),
    ]),
    tensor("vit.layernorm.weight", CHANNELS),
    tensor("vit.layernorm.bias", CHANNELS),
    ...layer("classifier", 3, CHANNELS),
  ]);
}

const CONFIG = {
  model_type: "vit",
  hidden_act: "gelu_pytorch_tanh",
  num_attention_heads: 4,
  layer_norm_eps: 1e-6,
  image_size: 16,
  id2label: { "1": "dog", "0": "cat", "2": "cow" },
};

const PREPROCESSOR = {
  do_normalize: true,
  do_resize: true,
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.25, 0.5, 0.5],
  resample: 3,
  size: { height: 16, width: 16 },
};

const openFolder = async (config: object, preprocessor: object) =>
  await openModel(
    bytesInMemory(
      await bundleOf({
        "config.json": config,
        "model.safetensors": smallVit(),
        "pytorch_model.bin": new Uint8Array(1),
        "preprocessor_config.json": preprocessor,
      }),
    ),
  );

/** What is said of a model whatever it is. */
const said = async (preprocessor: object) =>
  await withHuggingFace(folderOf({ "preprocessor_config.json": preprocessor }), {
    kind: "anything",
    tensors: [],
    metadata: new Map(),
    findings: [],
  } as unknown as FolderModel);

describe("a folder of Hugging Face", () => {
  it("[W6.4] answers what tensors do not tell, and says labels and preprocessing", async () => {
    const { file, network, preprocessing } = await openFolder(CONFIG, PREPROCESSOR);
    expect(network).toEqual({ activation: "gelu-tanh", epsilon: 1e-6, heads: 4, size: 16 });
    expect(file.classNames).toEqual(["cat", "dog", "cow"]);
    expect(file.kind).toBe("safetensors, as on Hugging Face");
    expect(preprocessing).toEqual({
      antialias: true,
      channelOrder: "rgb",
      crop: 1,
      interpolation: "bicubic",
      mean: [0.5, 0.5, 0.5],
      range: "unit",
      resize: "squash",
      std: [0.25, 0.5, 0.5],
    });
  });

  it("[G4.2] has no names where its labels say nothing, and asks what its configuration does not answer", async () => {
    const { id2label: _, num_attention_heads: __, ...rest } = CONFIG;
    const id2label = { "0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2" };
    const opened = openFolder({ ...rest, id2label }, PREPROCESSOR);
    await expect(opened).rejects.toThrow(/network\.heads/);
    const { file } = await openFolder({ ...CONFIG, id2label }, PREPROCESSOR);
    expect(file.classNames).toBeUndefined();
  });

  it.each([
    [
      "a shorter side, of which the middle is taken",
      {
        size: { shortest_edge: 256 },
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
      },
      { resize: "shorter-side", crop: 0.875 },
    ],
    [
      "ConvNeXt's share",
      { size: { shortest_edge: 224 }, crop_pct: 0.875 },
      { resize: "shorter-side", crop: 0.875 },
    ],
    [
      "ConvNeXt from 384 on",
      { size: { shortest_edge: 384 }, crop_pct: 1 },
      { resize: "squash", crop: 1 },
    ],
    ["nearest pixels", { resample: 0 }, { interpolation: "nearest", antialias: false }],
    [
      "bytes as they are",
      { do_rescale: false, do_normalize: false },
      { range: "bytes", mean: [0, 0, 0] },
    ],
    [
      "values from -1 to 1",
      { rescale_factor: 1 / 127.5, rescale_offset: true },
      { range: "symmetric" },
    ],
  ])("[W6.4] knows %s", async (_what, preprocessor, expected) => {
    expect((await said(preprocessor)).preprocessing).toMatchObject(expected);
  });

  it("[N1] says what of its preprocessing is not taken", async () => {
    const { findings } = await said({ resample: 1, rescale_factor: 0.5, do_resize: false });
    expect(findings).toEqual([
      expect.objectContaining({ rule: "preprocessing-not-taken", level: "warning" }),
    ]);
    expect(findings[0]!.message).toMatch(/resample 1 and rescale_factor 0.5 and do_resize false/);
  });
});
