import { stat } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { campaignTable, roundTable } from "../../../../../client/cli/commands/campaign/reports.ts";
import { campaignConfigSchema } from "../../../../../protocol/round/campaign-config.ts";
import { summariseScores } from "../../../../../protocol/round/score-summary.ts";
import { writeSafetensors } from "../../../../../protocol/formats/safetensors/writer.ts";
import type { CampaignReport, RoundReport } from "../../../../../protocol/round/reports.ts";
import { runRecorded } from "../../recording-terminal.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

const ID = `c-${"a".repeat(20)}`;
const DIGEST = "ab".repeat(32);

const REPORT: CampaignReport = {
  id: ID,
  name: "a campaign",
  state: "ready",
  round: 0,
  rounds: 25,
  createdAt: 1,
  verdict: null,
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
  statistics: null,
  starts: [
    {
      strength: 1.5,
      maskDigest: DIGEST,
      reinitialised: [
        {
          stage: "1",
          weights: 3,
          share: 0.03,
          outliers: [{ tensor: "conv1.weight", channels: [4, 10] }],
        },
        {
          stage: "4",
          weights: 9,
          share: 0.3,
          outliers: [{ tensor: "last.weight", channels: [7] }],
        },
        { stage: "head", weights: 2, share: 0.15, outliers: [] },
      ],
      scores: null,
    },
  ],
  choice: null,
  alarm: null,
  stopped: null,
  evidenceGap: null,
  current: null,
  participants: { enrolled: 0, connected: 0, revoked: 0 },
  pictures: { told: 0, unfit: 0 },
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

it("[F2][J10] `campaign show` tells whose pictures do not fit, and what is missing to judge by", async () => {
  expect(await shown(REPORT)).not.toMatch(/evidence|pictures/);
  const told = { ...REPORT, pictures: { told: 4, unfit: 1 }, evidenceGap: "no evidence so far" };
  const text = await shown(told);
  expect(text).toMatch(
    /pictures +1 of 4 participants' do not look like what the model was trained/,
  );
  expect(text).toMatch(/evidence +no evidence so far/);
});

/** A campaign that measures. */
const MEASURING: CampaignReport = {
  ...REPORT,
  state: "running",
  starts: [],
  config: campaignConfigSchema.parse({
    ...REPORT.config,
    reinit: { strategy: { kind: "bn-divergence" }, strength: "auto" },
  }),
};
const MEASURED: RoundReport = {
  round: 0,
  attempt: 0,
  leg: { kind: "statistics" },
  judging: false,
  state: "collecting",
  openedAt: 1,
  deadline: 2,
  endedAt: null,
  assigned: 4,
  accepted: 3,
  examples: 0,
  loss: null,
  agreement: null,
  scores: null,
  uploadedBytes: 38_464,
  trial: null,
  opened: null,
  updateNorm: null,
  updates: null,
  refusals: [],
  refused: 0,
  chain: null,
  detail: null,
};

it("[B1] `campaign show` and `campaign rounds` tell of statistics that are being measured", async () => {
  const text = await shown({ ...MEASURING, current: MEASURED });
  expect(text).toMatch(
    /re-initialised +bn-divergence, strength auto, once statistics are measured/,
  );
  expect(text).toMatch(/current round +1 \(statistics, attempt 1\) is collecting: 3 of 4 updates/);
  expect(text).not.toContain("probe ");
  expect(roundTable([MEASURED])).toMatch(/1 +statistics +1 +collecting +3 of 4 +0 +– +– /);
});

it("`campaign show` reads a campaign that was made before there were scores", async () => {
  const starts = REPORT.starts.map(({ strength, maskDigest, reinitialised, scores }) => ({
    strength,
    maskDigest,
    reinitialised: reinitialised.map(({ stage, weights, share }) => ({ stage, weights, share })),
    scores,
  }));
  const config = { ...REPORT.config, reinit: { strategy: { kind: "layerwise" }, strength: 1 } };
  const text = await shown({ ...REPORT, config, starts });
  expect(text).toMatch(/re-initialised +layerwise, strength 1\.5: 1 3\.0 %/);
  expect(text).not.toContain("outlier");
});

it("the rounds' table names the classes that most participants find the teacher led to", () => {
  const scores = summary(0.9, [], []);
  const classes = [
    { class: 7, participants: 5 },
    { class: 2, participants: 1 },
  ];
  const transfer = { ...scores.transfer, classes };
  const bends = [{ class: 3, participants: 6 }];
  const medians = { ...scores.medians, bendReach: 0.9 };
  const judged = { ...MEASURED, scores: { ...scores, transfer, bends, medians } };
  expect(roundTable([judged])).toMatch(
    /transfer +UAP target +UAP fooling +warp target +warp fooling /,
  );
  expect(roundTable([judged])).toMatch(/ 4\.0 % +7 \(5 of 6\) +100\.0 % +3 \(6 of 6\) +90\.0 % /);
  expect(roundTable([MEASURED])).not.toContain(" of 6)");
  const all = { ...judged, scores: { ...judged.scores, participants: 6 } };
  expect(roundTable([all, { ...MEASURED, scores: null }])).toMatch(
    /\n\nThe smallest universal perturbation leads the model that was given to class 7 on 100\.0 % of images \(5 of 6 participants name that class\), bending images to class 3 on 90\.0 % of images \(6 of 6 participants name that class\)\.$/,
  );
  const unbent = { ...all, scores: { ...all.scores, bends: [], medians: scores.medians } };
  expect(roundTable([unbent])).toMatch(/\(5 of 6 participants name that class\)\.$/);
  expect(roundTable([{ ...MEASURED, scores: null }])).not.toContain("The smallest");
});

/** What one participant's scores come to. */
function summary(agreement: number, perturbed: readonly number[], flips: readonly number[]) {
  const { radii } = REPORT.config.judging;
  return summariseScores([
    {
      weight: 0,
      loss: 0,
      scores: {
        images: 100,
        loss: 0.25,
        agreement,
        transfer: { class: 7, reach: 1, moved: 50, followed: 2 },
        perturbed: perturbed.map((share, i) => ({
          radius: radii[i]!,
          agreement: share,
          flips: [...flips],
        })),
      },
    },
  ])!;
}

/** A campaign whose first probe is judged and whose second one trains. */
const PROBING: CampaignReport = {
  ...REPORT,
  state: "running",
  rounds: 36,
  config: { ...REPORT.config, reinit: { ...REPORT.config.reinit, strength: "auto" } },
  starts: [
    { ...REPORT.starts[0]!, strength: 0, scores: summary(0.99, [0.9, 0.4, 0.1], [0, 9, 1]) },
    { ...REPORT.starts[0]!, strength: 2 },
  ],
  current: {
    round: 5,
    attempt: 0,
    leg: { kind: "probe", candidate: 1, roundOfLeg: 0, trainingRounds: 4 },
    judging: false,
    state: "collecting",
    openedAt: 1,
    deadline: 2,
    endedAt: null,
    assigned: 4,
    accepted: 1,
    examples: 64,
    loss: 0.5,
    agreement: 0.9,
    scores: null,
    uploadedBytes: 0,
    trial: null,
    opened: null,
    updateNorm: null,
    updates: null,
    refusals: [],
    refused: 0,
    chain: null,
    detail: null,
  },
};

it("[J5] `campaign show` prints the probe curve as far as it is known", async () => {
  const text = await shown(PROBING);
  expect(text).toMatch(/current round +6 \(probe 2 of 2 \(strength 2\), round 1 of 4, attempt 1\)/);
  expect(text).toMatch(/strength 0: 1 3\.0 %.*\n +lipschitz, by channel, strength 2: /);
  expect(text).toMatch(
    /probe +strength +loss +agreement +transfer +at 0\.036 +at 0\.072 +at 0\.145/,
  );
  expect(text).toMatch(
    /1 +0 +0\.2500 +99\.0 % +4\.0 % +90\.0 % +40\.0 % +10\.0 % +1 \(90\.0 %\) +–\n/,
  );
  expect(text).toMatch(/2 +2 +– +– +– +– +– +– +– +–\n/);
});

it("[J5] [J6] `campaign show` tells what was chosen, and an alarm", async () => {
  const detail = "agreement under perturbation fell";
  const text = await shown({
    ...PROBING,
    choice: { candidate: 0, strength: 0, values: [1.39, 1.2] },
    alarm: { round: 20, fellBackTo: 17, detail },
  });
  expect(text).toMatch(/chosen +strength 0\n/);
  expect(text).toMatch(
    /alarm +after round 21: .* fell; the campaign went back to the student of round 17/,
  );
  expect(text).toMatch(/1 \(90\.0 %\) +1\.390 +chosen/);
  const reported = await shown({ ...REPORT, alarm: { round: 20, fellBackTo: null, detail } });
  expect(reported).toMatch(/alarm .* set to go on all the same/);
});

it("`campaign rounds` tells part, perturbed agreement and where flips went", async () => {
  const scores = summary(0.9, [0.8, 0.7, 0.5], [4, 0, 1]);
  const judging = { ...PROBING.current!, judging: true, scores };
  vi.stubGlobal("fetch", () => Promise.resolve(Response.json([PROBING.current, judging])));
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const { results } = await runRecorded("campaign", "rounds", ID);
  expect(results[0]!.text).toMatch(
    /6 +probe 2: 1 of 4 +1 +collecting .* 64 +0\.5000 +90\.0 % +– +– +–/,
  );
  expect(results[0]!.text).toMatch(
    /6 +probe 2: judging .* 100 .* 4\.0 % +7 \(1 of 1\) +100\.0 % +– +– +80\.0 \/ 70\.0 \/ 50\.0 % +0 \(80\.0 %\)/,
  );
});

it("[C1.2] a campaign that the coordinator cannot read is listed with the reason", () => {
  const unreadable = { id: `c-${"b".repeat(20)}`, unreadable: "start a later version of Scour" };
  const [, first, second] = campaignTable([REPORT, unreadable]).split("\n");
  expect(first).toMatch(/a campaign +ready +– +0 of 25/);
  expect(second).toMatch(/^c-b+ +start a later version of Scour/);
});

it("[F3][J10] `campaign start` says why it is paused at once, and what is missing to judge by", async () => {
  const paused = { ...REPORT, state: "paused", detail: "pictures do not fit", evidenceGap: "few" };
  vi.stubGlobal("fetch", (url: string | URL) =>
    Promise.resolve(Response.json(String(url).endsWith("invites") ? [] : paused)),
  );
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  const { code, notes } = await runRecorded("campaign", "start", ID);
  expect(code).toBe(0);
  expect(notes.slice(0, 2)).toEqual(["paused: pictures do not fit", "evidence: few"]);
});

it("[J10] `watch` and `campaign export` say of a result that nothing judged it", async () => {
  const gap = "nothing judged this result: nobody scored a round";
  const reports = [
    { ...REPORT, state: "running", evidenceGap: "no evidence so far" },
    { ...REPORT, state: "finished", evidenceGap: gap },
  ];
  vi.stubEnv("SCOUR_ADMIN_TOKEN", "token");
  vi.stubGlobal("fetch", (url: string | URL) => {
    if (/(rounds|participants)$/.test(String(url))) return Promise.resolve(Response.json([]));
    if (String(url).endsWith("/export")) {
      const values = Float32Array.of(1);
      return Promise.resolve(
        new Response(writeSafetensors([{ name: "w", dtype: "F32", shape: [1], values }])),
      );
    }
    const report = reports.length > 1 ? reports.shift() : reports[0];
    return Promise.resolve(Response.json(report));
  });
  const watched = await runRecorded("watch", ID, "--interval", "1");
  expect(watched.notes).toContain("evidence: no evidence so far");
  expect(watched.results[0]!.text).toContain(`evidence: ${gap}`);
  const out = join(await temporaryDirectory(), "cleansed.safetensors");
  expect(await runRecorded("campaign", "export", ID, "--out", out)).toMatchObject({ code: 4 });
  await expect(stat(out)).rejects.toThrow("ENOENT");
  const exported = await runRecorded("campaign", "export", ID, "--out", out, "--accept");
  expect(exported).toMatchObject({ code: 0 });
  await stat(out);
});
