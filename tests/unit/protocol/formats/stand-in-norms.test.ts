import { describe, expect, it } from "vitest";
import {
  importModel,
  openModel,
  restoreModel,
  type ImportedModel,
} from "../../../../protocol/formats/import-model.ts";
import { bytesInMemory } from "../../../../protocol/formats/byte-source.ts";
import { standInNorms } from "../../../../protocol/model/stand-in-norms.ts";
import { entryView } from "../../../../protocol/model/state-layout.ts";
import { channelScores } from "../../../../protocol/reinit/channel-scores.ts";
import { identityNorms, putIdentityNorms } from "../../../../protocol/reinit/identity-norms.ts";
import { reinitMask } from "../../../../protocol/reinit/mask.ts";
import { reinitPlan } from "../../../../protocol/reinit/reinitialise.ts";
import { reinitStrategySchema } from "../../../../protocol/reinit/strategy-schema.ts";
import { withUsualStandIns } from "../../../../protocol/round/usual-stand-ins.ts";
import { relativeError } from "../../../../scripts/golden/reproduce.ts";
import { onnxFixture } from "../../../fixtures/onnx/read-fixture.ts";
import {
  CONV,
  FLAT,
  floats,
  HEAD,
  model as written,
  node,
  POOL,
  WEIGHTS,
  type WrittenModel,
} from "../../../fixtures/onnx/write-onnx.ts";
import { randomBatch } from "../../engine/numerics/random-graph.ts";
import { referenceEngine } from "../../engine/numerics/reference-session.ts";
import { problem, refusal } from "../problem.ts";
import { configOf } from "../round/config-of.ts";

const STAND_IN = { standInNorms: true } as const;
const LAYERWISE = reinitStrategySchema.parse({ kind: "layerwise" });
const OPEN = configOf();

/** Statistics that images might have given, all different. */
function pooledFor({ layout }: ImportedModel): Float32Array {
  const pooled = new Float32Array(layout.length - layout.trainableLength);
  for (const { offset, role, size } of layout.entries) {
    if (role !== "running-mean" && role !== "running-variance") continue;
    const first = offset - layout.trainableLength;
    for (let i = first; i < first + size; i++) {
      pooled[i] = role === "running-mean" ? 3 * Math.sin(i) : 0.01 + 2 * Math.cos(i) ** 2;
    }
  }
  return pooled;
}

/** The teacher with norms that change nothing on such images. */
function untrained(model: ImportedModel): Float32Array {
  const student = model.state.slice();
  const norms = identityNorms(model.graph, model.layout, pooledFor(model));
  putIdentityNorms(student, model.layout, norms, 0);
  return student;
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

/** Answers in double. */
async function answers({ graph, layout }: ImportedModel, state: Float32Array) {
  const session = referenceEngine().openSession({ graph, layout, teacher: state });
  return await session.logits("teacher", randomBatch(graph, 3, 1));
}

/** Two convolutions, to `d`. */
const without = (convolutions: readonly Uint8Array[]): WrittenModel => ({
  nodes: [...convolutions, node("Relu", ["d"], "r"), POOL, FLAT, HEAD],
  tensors: [...WEIGHTS, floats("v", [4, 4, 3, 3]), floats("shared", [4])],
});

describe("norms that stand in for folded ones", () => {
  it.each([
    ["resnet-folded", 6],
    ["mobilenet-9", 7],
    // Grouped ones, and not those on one position: squeeze and excitation had no norms.
    ["gates-14", 3],
    ["mixed", 3],
    ["resnet-norms", 0],
    ["vit", 0],
    ["convnext", 0],
  ])("[L1.1] %s has places for %i", async (name, count) => {
    const model = await openModel(bytesInMemory(await onnxFixture(name)));
    const usual = withUsualStandIns(model, OPEN);
    expect(standInNorms(usual.graph)).toHaveLength(count);
    expect(usual.network.standInNorms).toBe(count > 0 ? true : undefined);
    expect(standInNorms(model.graph)).toEqual([]);
  });

  it("[L1.1] a convolution has none without a bias, or with one that another has too", async () => {
    const padded = { pads: [1, 1, 1, 1] };
    const unbiased = without([CONV, node("Conv", ["c", "v", "shared"], "d", padded)]);
    const { file, graph } = await importModel(written(unbiased), STAND_IN);
    expect(standInNorms(graph).map(({ output }) => output)).toEqual(["d"]);
    expect(file.findings.at(-1)).toMatchObject({
      rule: "onnx-without-norms",
      message: expect.stringMatching(
        /^2 of 2 convolutions have no .* behind 1 of them in the student.*; 1 have no place/,
      ),
      where: "v",
    });
    const tied = without([
      node("Conv", ["x", "w", "shared"], "c", padded),
      node("Conv", ["c", "v", "shared"], "d", padded),
    ]);
    const message = await refusal("malformed-request", importModel(written(tied), STAND_IN));
    expect(message).toContain("network.standInNorms is for");
  });

  it("[L1] are for files that may have folded some, and for strategies that do without what they have not", async () => {
    const bytes = await onnxFixture("resnet-folded");
    const model = await openModel(bytesInMemory(bytes));
    const divergence = reinitStrategySchema.parse({ kind: "bn-divergence" });
    expect(withUsualStandIns(model, configOf({ reinit: { strategy: divergence } }))).toBe(model);
    const asFiled = configOf({ network: { standInNorms: false } });
    expect(withUsualStandIns(model, asFiled)).toBe(model);
    const { graph } = withUsualStandIns(model, OPEN);
    expect(problem("malformed-request", () => reinitPlan(graph, divergence, 1, new Map()))).toMatch(
      /statistics that the model was trained on.*network\.standInNorms/,
    );
  });

  it("[L2] [S1] have their parameters behind all of the file's, trainable ones and statistics", async () => {
    const bytes = await onnxFixture("gates-14");
    const { layout: own } = await importModel(bytes);
    const { layout, state } = await importModel(bytes, STAND_IN);
    const names = layout.entries.map(({ name }) => name);
    expect(names.slice(0, own.entries.length)).toEqual(own.entries.map(({ name }) => name));
    expect(names.slice(own.entries.length).map((name) => name.split("/stand-in.")[1])).toEqual([
      ...Array.from({ length: 3 }, () => ["scale", "shift"]).flat(),
      ...Array.from({ length: 3 }, () => ["mean", "variance"]).flat(),
    ]);
    const valueOf = (ending: string) =>
      entryView(
        state,
        layout.entries.find(({ name }) => name.endsWith(ending))!,
      )[0];
    expect(["scale", "shift", "mean", "variance"].map(valueOf)).toEqual([1, 0, 0, 1 - 2 ** -16]);
  });

  it("[L7] score a convolution by its kernel alone, as the norm is folded into it", async () => {
    const { graph, layout, state } = await importModel(await onnxFixture("mobilenet-9"), STAND_IN);
    const lipschitz = reinitStrategySchema.parse({ kind: "lipschitz" });
    const scores = channelScores(lipschitz, graph, layout, state)!;
    expect(scores.size).toBe(7);
    const depthwise = layout.entries.find(
      ({ role, shape }) => role === "conv-weight" && shape[1] === 1 && shape[2] === 3,
    )!;
    const kernel = entryView(state, depthwise).subarray(0, 9);
    expect(scores.get(depthwise.name)![0]).toBeCloseTo(Math.hypot(...kernel), 6);
  });

  it.each(["resnet-folded", "mobilenet-9", "gates-14", "mixed"])(
    "[L3] [L5] [L6] in %s change nothing, and are folded to the file's own bytes",
    async (name) => {
      const bytes = await onnxFixture(name);
      const own = await importModel(bytes);
      const model = await importModel(bytes, STAND_IN);
      const expected = await answers(own, own.state);
      expect(await answers(model, model.state)).toEqual(expected);
      expect(await exported(model, model.state)).toEqual(bytes);
      const student = untrained(model);
      expect(relativeError(await answers(model, student), expected)).toBeLessThan(1e-5);
      expect(await exported(model, student)).toEqual(bytes);
    },
  );

  it.each(["resnet-folded", "mobilenet-9", "gates-14", "mixed"])(
    "[L6] in %s, trained, the file that comes out answers as the student",
    async (name) => {
      const bytes = await onnxFixture(name);
      const model = await importModel(bytes, STAND_IN);
      const trained = untrained(model).map((value, i) => value * (1 + Math.sin(i) / 9));
      const out = await importModel(await exported(model, trained));
      const expected = await answers(model, trained);
      expect(relativeError(await answers(out, out.state), expected)).toBeLessThan(1e-5);
      expect(relativeError(expected, await answers(model, model.state))).toBeGreaterThan(1e-2);
    },
  );

  it("[L5] are put into any run of the state vector alike, and never masked", async () => {
    const model = await importModel(await onnxFixture("mobilenet-9"), STAND_IN);
    const { graph, layout, state } = model;
    const whole = untrained(model);
    const norms = identityNorms(graph, layout, pooledFor(model));
    for (let from = 0; from < layout.length; from += 37) {
      const part = state.slice(from, from + 37);
      putIdentityNorms(part, layout, norms, from);
      expect(part).toEqual(whole.slice(from, from + 37));
    }
    const mask = reinitMask(layout, reinitPlan(graph, LAYERWISE, 100), new Uint8Array(32));
    const changed = Array.from(whole.keys()).filter((i) => whole[i] !== state[i]);
    expect(changed.length).toBeGreaterThan(20);
    expect(changed.filter((i) => (mask[i >> 3]! >> (i & 7)) & 1)).toEqual([]);
  });

  it("[L5] are not made of statistics that no images can have given", async () => {
    const model = await importModel(await onnxFixture("mixed"), STAND_IN);
    const { graph, layout } = model;
    for (const value of [NaN, Infinity, -1]) {
      const pooled = pooledFor(model).fill(value);
      const message = problem("malformed-update", () => identityNorms(graph, layout, pooled));
      expect(message).toMatch(/stand-in\.mean' at channel 0/);
    }
  });
});
