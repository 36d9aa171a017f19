import { afterEach, expect, it, vi } from "vitest";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";
import type { CampaignReport } from "../../../protocol/round/reports.ts";
import { runRecorded } from "./recording-terminal.ts";

const ID = `c-${"a".repeat(20)}`;
const DIGEST = "ab".repeat(32);

const REPORT: CampaignReport = {
  id: ID,
  name: "a campaign",
  state: "ready",
  round: 0,
  rounds: 25,
  createdAt: 1,
  detail: null,
  config: campaignConfigSchema.parse({
    model: DIGEST,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    reinit: { strategy: { kind: "lipschitz", granularity: "channel" }, strength: 1.5 },
  }),
  model: {
    digest: DIGEST,
    bytes: 1000,
    architecture: "resnet18-32",
    classes: 10,
    inputShape: { height: 32, width: 32, channels: 3 },
    trainableLength: 200,
    length: 250,
  },
  maskDigest: DIGEST,
  reinitialised: [
    {
      stage: "1",
      weights: 3,
      share: 0.03,
      outliers: [{ tensor: "conv1.weight", channels: [4, 10] }],
    },
    { stage: "4", weights: 9, share: 0.3, outliers: [{ tensor: "last.weight", channels: [7] }] },
    { stage: "head", weights: 2, share: 0.15, outliers: [] },
  ],
  current: null,
  participants: { enrolled: 0, connected: 0, revoked: 0 },
};

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

async function shown(report: unknown): Promise<string> {
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json(report)));
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const { code, results } = await runRecorded("campaign", "show", ID);
  expect(code).toBe(0);
  return results[0]!.text;
}

it("`campaign show` tells the strategy, its shares and which channels stood out", async () => {
  const text = await shown(REPORT);
  expect(text).toMatch(
    /re-initialised +lipschitz, by channel, strength 1\.5: 1 3\.0 %, 4 30\.0 %, head 15\.0 %/,
  );
  expect(text).toMatch(/outlier channels +conv1\.weight: 4, 10\n +last\.weight: 7\n/);
});

it("`campaign show` reads a campaign that was made before there were scores", async () => {
  const reinitialised = REPORT.reinitialised.map(({ stage, weights, share }) => ({
    stage,
    weights,
    share,
  }));
  const config = { ...REPORT.config, reinit: { strategy: { kind: "layerwise" }, strength: 1 } };
  const text = await shown({ ...REPORT, config, reinitialised });
  expect(text).toMatch(/re-initialised +layerwise, strength 1: 1 3\.0 %/);
  expect(text).not.toContain("outlier");
});
