import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import type { TensorToWrite } from "../../protocol/formats/safetensors/writer.ts";
import { chunked } from "./chunked.ts";
import { ADMIN, config, createCampaign, expectProblem, send, uploadModel } from "./coordinator.ts";
import { tinyModel, type TinyModel } from "./tiny-model.ts";

afterEach(() => reset());

function fileOf(bytes: Uint8Array<ArrayBuffer>): TinyModel {
  return { ...tinyModel(), bytes, digest: sha256(bytes) };
}

/** A file with this header, whatever it says, and so many bytes of data. */
function withHeader(header: unknown, dataBytes: number): TinyModel {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  return fileOf(bytes);
}

function withValue(name: string, value: number): TinyModel {
  return tinyModel({
    change: (tensors: TensorToWrite[]) => {
      const tensor = tensors.find((other) => other.name === name)!;
      if ("values" in tensor) tensor.values[2] = value;
    },
  });
}

function truncated(by: number): TinyModel {
  const { bytes } = tinyModel();
  return fileOf(bytes.slice(0, bytes.length - by));
}

function hugeHeader(): TinyModel {
  const bytes = new Uint8Array(64);
  new DataView(bytes.buffer).setUint32(0, 2 ** 31, true);
  bytes[8] = 0x7b;
  return fileOf(bytes);
}

const f32 = (begin: number, end: number) => ({
  dtype: "F32",
  shape: [(end - begin) / 4],
  data_offsets: [begin, end],
});

const MODELS: [string, () => TinyModel, string, string][] = [
  ["W2 truncated data", () => truncated(1), "malformed-model", "truncated"],
  [
    "W1 truncated header",
    () => fileOf(tinyModel().bytes.slice(0, 100)),
    "malformed-model",
    "truncated",
  ],
  ["W1 three bytes", () => fileOf(Uint8Array.of(1, 2, 3)), "malformed-model", "truncated"],
  ["W1 a header of 2 GB", hugeHeader, "malformed-model", "2147483648"],
  [
    "W1 text",
    () => fileOf(new Uint8Array(new TextEncoder().encode("not a model at all"))),
    "malformed-model",
    "text file",
  ],
  [
    "W2 overlapping tensors",
    () => withHeader({ a: f32(0, 8), b: f32(4, 12) }, 12),
    "malformed-model",
    "overlaps",
  ],
  ["W2 a hole", () => withHeader({ a: f32(0, 8), b: f32(12, 16) }, 16), "malformed-model", "holes"],
  [
    "W2 data beyond the file",
    () => withHeader({ a: f32(0, 800) }, 8),
    "malformed-model",
    "truncated",
  ],
  ["W5 NaN", () => withValue("fc.weight", NaN), "non-finite-weights", "fc.weight"],
  [
    "W5 infinity",
    () => withValue("layer4.1.conv2.weight", -Infinity),
    "non-finite-weights",
    "layer4.1.conv2.weight",
  ],
  [
    "W5 a negative variance",
    () => withValue("layer4.1.bn2.running_var", -0.5),
    "non-finite-weights",
    "layer4.1.bn2.running_var",
  ],
  [
    "G2 a graph nobody knows",
    () => withHeader({ a: f32(0, 8) }, 8),
    "unsupported-model",
    "not recognised",
  ],
  [
    "G2 a missing tensor",
    () =>
      tinyModel({
        change: (tensors) =>
          void tensors.splice(
            tensors.findIndex((t) => t.name === "fc.bias"),
            1,
          ),
      }),
    "unsupported-model",
    "fc.bias",
  ],
];

const post = (options: Parameters<typeof send>[1]) =>
  send("/api/v1/admin/campaigns", { method: "POST", token: ADMIN, ...options });

describe("models that cannot be taken", () => {
  it.each(MODELS)("[%s] is refused, and nothing is left behind", async (_, make, code, detail) => {
    const model = make();
    const uploaded = await uploadModel(model);
    expect(uploaded.status).toBe(200);
    await uploaded.body?.cancel();
    const response = await send("/api/v1/admin/campaigns", {
      method: "POST",
      token: ADMIN,
      json: config(model),
    });
    const problem = await expectProblem(response, 422, code);
    expect(problem["detail"]).toContain(detail);
    const { objects } = await env.BLOBS.list();
    const part = `models/${model.digest}/0-${model.digest}`;
    expect(objects.map(({ key }) => key)).toEqual([`blobs/${model.digest}`, part]);
    const list = await send("/api/v1/admin/campaigns", { token: ADMIN });
    expect(await list.json()).toEqual([]);
  });

  it("a model that was never uploaded is 404", async () => {
    const response = await send("/api/v1/admin/campaigns", {
      method: "POST",
      token: ADMIN,
      json: config(tinyModel()),
    });
    const problem = await expectProblem(response, 404, "not-found");
    expect(problem["detail"]).toContain("upload it first");
  });
});

describe("configurations that cannot be taken", () => {
  const model = tinyModel();
  const good = config(model);
  const TABLE: [string, unknown, string][] = [
    ["an unknown key", { ...good, strenght: 2 }, "strenght"],
    ["a key unknown within", { ...good, distillation: { steps: 3 } }, "distillation"],
    ["no mean of a family without one", { model: model.digest }, "preprocessing.mean"],
    [
      "a mean of one channel",
      { ...good, preprocessing: { mean: [0], std: [1, 1, 1] } },
      "preprocessing.mean: has 1",
    ],
    ["a minimum above the goal", { ...good, round: { goal: 2, minimum: 3 } }, "minimum"],
    ["no rounds", { ...good, distillation: { rounds: 0 } }, "distillation.rounds"],
    ["a seed too short", { ...good, reinit: { seed: "ab" } }, "reinit.seed"],
    ["a codec nobody knows", { ...good, codec: "int4" }, "codec"],
    [
      "a standard deviation of zero",
      { ...good, preprocessing: { mean: [0, 0, 0], std: [0, 1, 1] } },
      "std",
    ],
    ["a momentum of squares for SGD", { ...good, distillation: { secondMomentum: 0.9 } }, "AdamW"],
    ["a list", [], "expected object"],
    [
      "ratios for other stages",
      { ...good, reinit: { strategy: { kind: "layerwise", ratios: [0.1] } } },
      "4 depth stages",
    ],
  ];

  it.each(TABLE)("[C1] [P3] %s", async (_, json, detail) => {
    await (await uploadModel(model)).body?.cancel();
    const response = await send("/api/v1/admin/campaigns", { method: "POST", token: ADMIN, json });
    const problem = await expectProblem(response, 400, "malformed-request");
    expect(problem["detail"]).toContain(detail);
  });

  it("[N1] [N2] the family's preprocessing is filled in for the images' size", async () => {
    const pixels = { mean: [0, 0, 0], std: [1, 1, 1] };
    const { config: whole, model: known } = await createCampaign({
      network: { size: 48 },
      preprocessing: { ...pixels, resize: "shorter-side" },
    });
    expect(whole.preprocessing).toEqual({
      resize: "shorter-side",
      resizeTo: 48,
      interpolation: "bilinear",
      antialias: true,
      channelOrder: "rgb",
      range: "unit",
      ...pixels,
    });
    expect(known.inputShape).toEqual({ height: 48, width: 48, channels: 3 });
  });

  it("[C1] defaults are filled in and shown", async () => {
    const report = await createCampaign({ reinit: {}, codec: undefined });
    expect(report.config.reinit.seed).toMatch(/^[0-9a-f]{64}$/);
    expect(report.config.reinit.strategy).toEqual({
      kind: "layerwise",
      ratios: [0.01, 0.03, 0.09, 0.27],
      head: 0.1,
    });
    expect(report.config).toMatchObject({
      codec: "int8",
      aggregation: { rule: { kind: "median-clipped-mean" }, exampleCap: 8 },
      round: { goal: 2, minimum: 1 },
      distillation: { optimizer: "sgd", learningRate: 0.03, weightDecay: 5e-4 },
    });
  });
});

describe("bodies that cannot be read", () => {
  const headers = { "Content-Type": "application/json" };

  it("[P3] garbage instead of JSON", async () => {
    await expectProblem(await post({ body: "{garbage", headers }), 400, "malformed-request");
    await expectProblem(await post({ body: "", headers }), 400, "malformed-request");
  });

  it("[P3] another media type", async () => {
    const text = { "Content-Type": "text/plain" };
    await expectProblem(await post({ body: "{}", headers: text }), 400, "malformed-request");
    await expectProblem(await post({}), 400, "malformed-request");
  });

  it("[P3] more than 64 KiB, announced or not", async () => {
    const body = JSON.stringify({ name: "x".repeat(70_000) });
    await expectProblem(await post({ body, headers }), 413, "payload-too-large");
    const stream = chunked(new TextEncoder().encode(body));
    await expectProblem(await post({ body: stream, headers }), 413, "payload-too-large");
  });
});
