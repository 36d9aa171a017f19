import { describe, expect, it } from "vitest";
import { verifyCampaign } from "../../../client/participant/verify-campaign.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { importModel } from "../../../protocol/formats/import-model.ts";
import { channelScores } from "../../../protocol/reinit/channel-scores.ts";
import { identityNorms, putIdentityNorms } from "../../../protocol/reinit/identity-norms.ts";
import { reinitMask } from "../../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import { reinitStrategySchema } from "../../../protocol/reinit/strategy-schema.ts";
import { encodeFloats } from "../../../protocol/formats/float-encodings.ts";
import { onnxFixture } from "../../fixtures/onnx/read-fixture.ts";
import { refusal } from "../protocol/problem.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";

const coordinator = new FakeCoordinator();
const file = coordinator.blobs.get(coordinator.view.model.digest)!;
const { graph, layout, state } = await importModel(file);

/** The campaign as an honest coordinator shows it with this strategy. */
function viewWith(input: Record<string, unknown>, statistics?: Float32Array) {
  const strategy = reinitStrategySchema.parse(input);
  const { config } = coordinator.view;
  const reinit = { ...config.reinit, strategy, strength: 2 };
  const scores = channelScores(strategy, graph, layout, state, statistics);
  const plan = reinitPlan(graph, strategy, reinit.strength, scores);
  const seed = parseSeed(reinit.seed!);
  const student = reinitialise(state, layout, plan, seed);
  const view = {
    ...coordinator.view,
    config: campaignConfigSchema.parse({ ...config, reinit }),
    starts: [
      {
        strength: reinit.strength,
        maskDigest: sha256(reinitMask(layout, plan, seed)),
        initialStudent: layout.slices.map(({ offset, length }) =>
          sha256(encodeFloats("F32", student.subarray(offset, offset + length))),
        ),
      },
    ],
  };
  return { view, student };
}

describe("a participant", () => {
  it.each([
    { kind: "layerwise", granularity: "channel" },
    { kind: "uniform", ratio: 0.2, granularity: "channel" },
    { kind: "lipschitz" },
    { kind: "lipschitz", granularity: "channel", outliers: 2 },
    { kind: "head" },
  ])("[I1] recomputes student₀ of %o from the teacher", async (strategy) => {
    const { view, student } = viewWith(strategy);
    const { initialSlices } = await verifyCampaign(view, file);
    const recomputed = initialSlices(0);
    const slices = view.starts[0]!.initialStudent.map((digest) => recomputed.get(digest)!);
    expect(Buffer.concat(slices)).toEqual(Buffer.from(encodeFloats("F32", student)));
  });

  it("[I1] notices a student₀ made with another strategy", async () => {
    const { view } = viewWith({ kind: "lipschitz" });
    const other = viewWith({ kind: "lipschitz", granularity: "channel" }).view;
    await expect(verifyCampaign({ ...view, config: other.config }, file)).rejects.toThrow(
      /mask at strength 2 is not the one that seed and strategy give/,
    );
  });

  describe("of a campaign that begins with statistics", () => {
    const pooled = state.subarray(layout.trainableLength).map((value, i) => Math.abs(value) + i);
    const blob = new Uint8Array(pooled.slice().buffer);
    const { view, student } = viewWith({ kind: "bn-divergence", outliers: 2 }, pooled);

    it("[B6] recomputes student₀ from the teacher and the pooled statistics", async () => {
      const recomputed = (await verifyCampaign(view, file, blob)).initialSlices(0);
      const slices = view.starts[0]!.initialStudent.map((digest) => recomputed.get(digest)!);
      expect(Buffer.concat(slices)).toEqual(Buffer.from(encodeFloats("F32", student)));
      const other = pooled.map((value, i) => (i % 3 === 0 ? 30 * value + 5 : value));
      const bytes = new Uint8Array(other.slice().buffer);
      await expect(verifyCampaign(view, file, bytes)).rejects.toThrow(/is not the one that seed/);
    });

    it("[B6] takes part in it before there is anything to start from, and only then", async () => {
      const pending = await verifyCampaign({ ...view, starts: [] }, file);
      expect(pending.teacher).toEqual(state);
      expect(() => pending.initialSlices(0)).toThrow(RangeError);
      await expect(verifyCampaign(view, file)).rejects.toThrow(/it starts from strengths 2/);
      await expect(verifyCampaign({ ...view, starts: [] }, file, blob)).rejects.toThrow(
        /strengths/,
      );
    });

    it("[B6] refuses statistics of another length, or that no images can have given", async () => {
      await expect(verifyCampaign(view, file, blob.subarray(4))).rejects.toThrow(
        /pooled statistics have/,
      );
      const negative = new Uint8Array(pooled.map((value) => -value).slice().buffer);
      const message = await refusal("malformed-update", verifyCampaign(view, file, negative));
      expect(message).toContain("variances not negative");
    });

    it("[B6] refuses statistics that the strategy does not ask for", async () => {
      const lipschitz = viewWith({ kind: "lipschitz" }).view;
      await expect(verifyCampaign(lipschitz, file, blob)).rejects.toThrow(/does not ask for/);
    });
  });

  it("[L5] recomputes student₀ with norms that stand in, of the pooled statistics", async () => {
    const bytes = await onnxFixture("resnet-folded");
    const model = await importModel(bytes, { standInNorms: true });
    const { length, trainableLength } = model.layout;
    const pooled = Float32Array.from({ length: length - trainableLength }, (_, i) => 1 + (i % 7));
    const blob = new Uint8Array(pooled.slice().buffer);
    const { view } = viewWith({ kind: "lipschitz" });
    const { config } = view;
    const strategy = reinitStrategySchema.parse({ kind: "lipschitz" });
    const scores = channelScores(strategy, model.graph, model.layout, model.state);
    const plan = reinitPlan(model.graph, strategy, 2, scores);
    const seed = parseSeed(config.reinit.seed!);
    const kept = model.state.slice();
    putIdentityNorms(kept, model.layout, identityNorms(model.graph, model.layout, pooled), 0);
    const student = reinitialise(kept, model.layout, plan, seed);
    const digest = sha256(bytes);
    const standing = {
      ...view,
      config: { ...config, model: digest, network: { standInNorms: true } },
      model: { ...view.model, digest },
      sliceLengths: model.layout.slices.map((slice) => slice.length),
      starts: [
        {
          strength: 2,
          maskDigest: sha256(reinitMask(model.layout, plan, seed)),
          initialStudent: model.layout.slices.map(({ offset, length: size }) =>
            sha256(encodeFloats("F32", student.subarray(offset, offset + size))),
          ),
        },
      ],
    };
    const verified = await verifyCampaign(standing, bytes, blob);
    expect(verified.teacher).toEqual(model.state);
    const slices = standing.starts[0]!.initialStudent.map((one) =>
      verified.initialSlices(0).get(one)!,
    );
    expect(Buffer.concat(slices)).toEqual(Buffer.from(encodeFloats("F32", student)));
    const without = { ...standing, config: { ...standing.config, network: {} } };
    await expect(verifyCampaign(without, bytes)).rejects.toThrow(/other slices than the teacher/);
  });
});
