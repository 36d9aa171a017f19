import { describe, expect, it } from "vitest";
import { verifyCampaign } from "../../../client/participant/verify-campaign.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { importModel } from "../../../protocol/model/model-import.ts";
import { channelScores } from "../../../protocol/reinit/channel-scores.ts";
import { reinitMask } from "../../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import { reinitStrategySchema } from "../../../protocol/round/reinit-strategy.ts";
import { encodeFloats } from "../../../protocol/weights/dtype.ts";
import { problem } from "../protocol/problem.ts";
import { FakeCoordinator } from "./fake-coordinator.ts";

const coordinator = new FakeCoordinator();
const file = coordinator.blobs.get(coordinator.view.model.digest)!;
const { graph, layout, state } = importModel(file);

/** The campaign as an honest coordinator shows it with this strategy. */
function viewWith(input: Record<string, unknown>) {
  const strategy = reinitStrategySchema.parse(input);
  const { config } = coordinator.view;
  const reinit = { ...config.reinit, strategy, strength: 2 };
  const scores = channelScores(strategy, graph, layout, state);
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
  ])("[I1] recomputes student₀ of %o from the teacher", (strategy) => {
    const { view, student } = viewWith(strategy);
    const { initialSlices } = verifyCampaign(view, file);
    const recomputed = initialSlices(0);
    const slices = view.starts[0]!.initialStudent.map((digest) => recomputed.get(digest)!);
    expect(Buffer.concat(slices)).toEqual(Buffer.from(encodeFloats("F32", student)));
  });

  it("[I1] notices a student₀ made with another strategy", () => {
    const { view } = viewWith({ kind: "lipschitz" });
    const other = viewWith({ kind: "lipschitz", granularity: "channel" }).view;
    expect(() => verifyCampaign({ ...view, config: other.config }, file)).toThrow(
      /mask at strength 2 is not the one that seed and strategy give/,
    );
  });

  it("[I10] does not take part where statistics are said to be compared and there are none", () => {
    const { view } = viewWith({ kind: "head" });
    const strategy = reinitStrategySchema.parse({ kind: "bn-divergence" });
    const reinit = { ...view.config.reinit, strategy };
    const claimed = { ...view, config: { ...view.config, reinit } };
    expect(problem("malformed-request", () => verifyCampaign(claimed, file))).toContain(
      "participants' images",
    );
  });
});
