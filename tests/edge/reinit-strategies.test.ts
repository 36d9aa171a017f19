import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openModel } from "../../edge/blobs/model-source.ts";
import { initialiseStudents } from "../../edge/campaign/start/initialise-student.ts";
import { ByteMeter } from "../../edge/slice/byte-meter.ts";
import { scoreSlice } from "../../edge/slice/score-slice.ts";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { outlierChannels } from "../../protocol/reinit/channel-ratios.ts";
import { channelScores, lipschitzScores } from "../../protocol/reinit/channel-scores.ts";
import { reinitMask } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import {
  reinitStrategySchema,
  type ReinitStrategy,
} from "../../protocol/reinit/strategy-schema.ts";
import { encodeFloats } from "../../protocol/formats/float-encodings.ts";
import {
  ADMIN,
  config,
  createCampaign,
  expectProblem,
  report,
  SEED,
  send,
  sql,
  uploadModel,
} from "./coordinator.ts";
import { tinyModel } from "./tiny-model.ts";

/** Wide enough for two slices of trainable values. */
const model = tinyModel({ width: 16, seed: 5 });
const { graph, layout, state } = await importModel(model.bytes);
const statistics = Float32Array.from(
  state.subarray(layout.trainableLength),
  (value, i) => Math.abs(value) + (i % 7) / 10,
);

/** What anybody computes who has the whole teacher. */
function expected(strategy: ReinitStrategy) {
  const scores = channelScores(strategy, graph, layout, state, statistics);
  const plan = reinitPlan(graph, strategy, 2, scores);
  const seed = parseSeed(SEED);
  const student = reinitialise(state, layout, plan, seed);
  const slices = layout.slices.map(({ offset, length }) =>
    sha256(encodeFloats("F32", student.subarray(offset, offset + length))),
  );
  const maskDigest = sha256(reinitMask(layout, plan, seed));
  return { initialStudent: slices, maskDigest, scores };
}

beforeEach(async () => {
  await (await uploadModel(model)).body?.cancel();
});
afterEach(() => reset());

describe("student₀ of a coordinator that never holds the model", () => {
  it("has a channel that lies in two slices", () => {
    const cut = layout.slices[1]!.offset;
    const { offset, size, shape, role } = layout.entries.find(
      (entry) => entry.offset < cut && entry.offset + entry.size > cut,
    )!;
    expect(role).toBe("conv-weight");
    expect((cut - offset) % (size / shape[0]!)).not.toBe(0);
  });

  it.each([
    { kind: "layerwise", granularity: "channel" },
    { kind: "lipschitz" },
    { kind: "lipschitz", granularity: "channel", outliers: 2 },
    { kind: "head" },
  ] as const)("[I1] is the one that %o gives anybody", async (input) => {
    const strategy = reinitStrategySchema.parse(input);
    const created = await createCampaign(
      { reinit: { strategy: input, strength: 2, seed: SEED } },
      model,
    );
    expect(created.config.reinit.strategy).toMatchObject(strategy);
    const [row] = await sql(created.id, "SELECT slices FROM starts");
    const { initialStudent, maskDigest, scores } = expected(created.config.reinit.strategy);
    expect(JSON.parse(String(row!["slices"]))).toEqual(initialStudent);
    const [start] = (await report(created.id)).starts;
    expect(start).toMatchObject({ strength: 2, maskDigest });
    const found = start!.reinitialised.flatMap(({ outliers }) => outliers);
    const standOut = [...(scores ?? [])]
      .map(([tensor, ofLayer]) => {
        const deviations = strategy.kind === "lipschitz" ? strategy.outliers : 0;
        return { tensor, channels: [...outlierChannels(ofLayer, deviations)] };
      })
      .filter(({ channels }) => channels.length > 0);
    expect(found).toEqual(standOut);
    if ("outliers" in input) expect(standOut.length).toBeGreaterThan(2);
  });

  it("[I10] is so for bn-divergence, given statistics, however often it is made", async () => {
    const strategy = reinitStrategySchema.parse({ kind: "bn-divergence", outliers: 2 });
    const source = await openModel(env.BLOBS, { digest: model.digest, network: {} });
    const terms = { strategy, strengths: [0, 2], seed: SEED };
    const make = (id: string) => initialiseStudents(env, id, source, terms, statistics);
    const made = await make("c-one");
    const { scores: _, ...recomputed } = expected(strategy);
    expect(made[1]).toMatchObject(recomputed);
    expect(made[1]!.reinitialised.flatMap(({ outliers }) => outliers).length).toBeGreaterThan(0);
    expect(await make("c-two")).toEqual(made);
  });

  it("[C1] ratios for other stages are refused for strategies with scores, too", async () => {
    const strategy = { kind: "lipschitz", ratios: [0.1, 0.2] };
    const response = await send("/api/v1/admin/campaigns", {
      method: "POST",
      token: ADMIN,
      json: { ...config(model), reinit: { strategy } },
    });
    const { detail } = await expectProblem(response, 400, "malformed-request");
    expect(detail).toContain("4 depth stages");
  });

  it("[I9.1] scores slice by slice are those of the whole, and no slice object holds more than half a MiB", async () => {
    const parts = [];
    for (const { index } of layout.slices) {
      const meter = new ByteMeter();
      parts.push(await scoreSlice(env.BLOBS, { digest: model.digest, network: {} }, index, meter));
      expect(meter.peakBytes).toBeLessThanOrEqual(2 ** 19);
    }
    const joined = new Map<string, number[]>();
    for (const { weight, scores } of parts.flat()) {
      joined.set(weight, [...(joined.get(weight) ?? []), ...scores]);
    }
    expect(joined).toEqual(lipschitzScores(graph, layout, state));
    // The first slice scores the channel that ends in the second.
    expect(parts.map((part) => part.length)).toEqual([expect.any(Number), expect.any(Number), 0]);
  });
});
