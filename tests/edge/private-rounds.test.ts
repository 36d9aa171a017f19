import { evictDurableObject, reset, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { CommittedLink } from "../../edge/campaign/chain/link.ts";
import { helperApp } from "../../edge/helper/app.ts";
import { hideUpdate } from "../../protocol/privacy/two-operators/hidden-update.ts";
import { helperKeysOf } from "../../protocol/privacy/two-operators/sealed-seed.ts";
import {
  statisticsSection,
  trainableSection,
} from "../../protocol/privacy/vector/update-vector.ts";
import { stateLayout } from "../../protocol/model/state-layout.ts";
import { deviationUnits } from "../../protocol/reinit/statistics.ts";
import type { CampaignView } from "../../protocol/round/access.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { cohortOf, privateRoundOf, toldDigest } from "../../protocol/round/private-rounds.ts";
import {
  ADMIN,
  ask,
  committed,
  config,
  control,
  act,
  sql,
  eventually,
  expectProblem,
  report,
  rounds,
  runningCampaign,
  send,
  studentOf,
  until,
  uploadModel,
  Volunteer,
} from "./coordinator.ts";
import { makeKeyPair, type KeyPair } from "./key-pair.ts";
import { vouched } from "./private-people.ts";
import { tinyModel } from "./tiny-model.ts";
import { scoresOf, updateOf } from "./what-is-sent.ts";

const SECRET = "7e".repeat(32);
const HELPER = "https://helper.test";

let organisations: KeyPair[];
let helperKey: string;
/** Requests that the helper answers yet. */
let answersLeft: number;

beforeAll(async () => {
  organisations = [await makeKeyPair(), await makeKeyPair()];
  helperKey = (await helperKeysOf(SECRET)).publicKey;
});

beforeEach(() => {
  answersLeft = Infinity;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    if (answersLeft-- <= 0) throw new Error("nobody listens there");
    const bindings = { RECORDS: env.RECORDS, SCOUR_HELPER_KEY: SECRET };
    return await helperApp.fetch(new Request(input, init), bindings);
  });
});

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

function privately(changes: Partial<CampaignConfigInput> = {}): Partial<CampaignConfigInput> {
  return {
    aggregation: { rule: { kind: "mean" } },
    privacy: {
      helper: { url: HELPER, key: helperKey },
      organisations: organisations.map(({ publicKey }) => publicKey).sort(),
      clipNorm: 4,
    },
    ...changes,
    round: { goal: 4, minimum: 3, ...changes.round },
  };
}

/** Slices as one row. */
function joined(slices: readonly Float32Array[]): Float32Array {
  return new Float32Array(slices.flatMap((slice) => Array.from(slice)));
}

interface Masked {
  readonly at: { readonly round: number; readonly attempt: number };
  readonly commit: Record<string, unknown>;
  readonly slices: string[];
}

/** Uploads an update that hides, of a device of this organisation; what is left is the commit. */
async function upload(
  volunteer: Volunteer,
  update: readonly Float32Array[],
  organisation: KeyPair,
  told: { loss?: number; agreement?: number; view?: CampaignView } = {},
): Promise<Masked> {
  const { graph } = tinyModel();
  const layout = stateLayout(graph);
  const { view = volunteer.view } = told;
  const at = await volunteer.assignment();
  const student = joined(await studentOf(view.id, at.round));
  const cohort = cohortOf(view.config);
  const units = deviationUnits(graph, layout, student.subarray(layout.trainableLength));
  const privacy = view.config.privacy!;
  const { frames, hidden } = await hideUpdate(
    {
      update: joined(update),
      trainableLength: layout.trainableLength,
      clipNorm: privacy.clipNorm,
      cohort,
      loss: told.loss ?? 0.5,
      agreement: told.agreement ?? 0.75,
      slices: layout.slices.map((slice) => {
        const begin = slice.offset - layout.trainableLength;
        const wire =
          slice.section === "trainable"
            ? trainableSection(layout, slice, privacy.clipNorm, cohort)
            : statisticsSection(units.subarray(begin, begin + slice.length), cohort);
        return Object.assign({ wire }, slice);
      }),
    },
    privateRoundOf(view, privacy, toldDigest(view.config), at.round, at.student),
    {
      ...(await vouched(organisation, view.id, volunteer.key.publicKey)),
      participant: volunteer.id,
      sign: volunteer.key.sign,
    },
    (length) => crypto.getRandomValues(new Uint8Array(length)),
  );
  const slices = await volunteer.upload(at, frames);
  return { at, slices, commit: { hidden, examples: 0, loss: 0, agreement: 0 } };
}

async function contribute(...of: Parameters<typeof upload>): Promise<void> {
  const { at, commit, slices } = await upload(...of);
  const response = await of[0].sendCommit(at, slices, commit);
  if (!response.ok) throw new Error(await response.text());
  await response.body?.cancel();
}

async function linkOf(id: string, round: number): Promise<CommittedLink> {
  const path = `/api/v1/admin/campaigns/${id}/rounds/${round}/chain`;
  return (await ask<{ link: CommittedLink }>(path, { token: ADMIN })).link;
}

/** The mean of updates, by coordinate. */
function meanOf(updates: readonly (readonly Float32Array[])[]): number[][] {
  return updates[0]!.map((slice, s) =>
    Array.from(slice, (_, i) => updates.reduce((sum, u) => sum + u[s]![i]!, 0) / updates.length),
  );
}

/** Largest distance between how far the student came and the mean. */
async function offBy(id: string, round: number, mean: readonly number[][]): Promise<number[]> {
  const before = await studentOf(id, round);
  const after = await studentOf(id, round + 1);
  return before.map((slice, s) =>
    Math.max(...Array.from(slice, (value, i) => Math.abs(value - after[s]![i]! - mean[s]![i]!))),
  );
}

/** Has the coordinator read, and tell, more into the configuration than before. */
async function upgrade(id: string): Promise<void> {
  await sql(
    id,
    "UPDATE campaign SET config = json_set(config, '$.name', 'as a later one reads it')",
  );
}

describe("private rounds", () => {
  it("[M9] [M9.2] [M9.4] [M9.5] [M9.6] come to the mean of updates that the coordinator cannot read", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    const updates = volunteers.map(({ view }, i) => updateOf(view, 3 + i));
    for (const [i, volunteer] of volunteers.entries()) {
      await contribute(volunteer, updates[i]!, organisations[i % 2]!, { loss: i / 4 });
    }
    await until(id, committed(1));
    const [trainable, statistics] = await offBy(id, 0, meanOf(updates));
    // Steps of fixed point, rounded: the finest that clip norm and cohort leave.
    expect(trainable).toBeLessThan(2e-3);
    expect(statistics).toBeLessThan(1e-3);
    const { inputs, opened, rule } = await linkOf(id, 0);
    expect(rule).toBe("mean");
    expect(opened).toMatchObject({ participants: 4, cut: { trainable: 0, statistics: 0 } });
    expect(opened!.loss).toBeCloseTo(0.375, 4);
    expect(opened!.agreement).toBeCloseTo(0.75, 6);
    expect(inputs.map(({ loss, size, weight }) => [loss, size, weight])).toEqual(
      inputs.map(() => [opened!.loss, undefined, 1]),
    );
    expect((await rounds(id))[0]).toMatchObject({ opened, examples: 0, loss: opened!.loss });
  });

  it("[M9.5] go on to the same sum when helper and coordinator were killed in the middle, and one came back as a later version", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    // It decides on the set, and opens one slice of it.
    answersLeft = 2;
    for (const [i, volunteer] of volunteers.entries()) {
      await contribute(volunteer, updateOf(volunteer.view, 3 + i), organisations[i % 2]!);
    }
    await eventually(async () => {
      expect((await report(id)).current?.detail).toContain("nobody listens there");
    });
    await upgrade(id);
    await evictDurableObject(control(id));
    await evictDurableObject(env.RECORDS.getByName("all"));
    answersLeft = Infinity;
    await eventually(async () => {
      await runDurableObjectAlarm(control(id));
      expect((await report(id)).round).toBe(1);
    });
    const mean = meanOf(volunteers.map(({ view }, i) => updateOf(view, 3 + i)));
    expect((await offBy(id, 0, mean))[0]).toBeLessThan(2e-3);
  });

  it("[M9.5] [M6.5] pause for good where another set of the round was opened", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    // It decides on the set, and then is gone.
    answersLeft = 1;
    for (const [i, volunteer] of volunteers.entries()) {
      await contribute(volunteer, updateOf(volunteer.view, 3), organisations[i % 2]!);
    }
    await eventually(async () => {
      expect((await report(id)).current?.detail).toContain("nobody listens there");
    });
    await act(id, "pause");
    await sql(id, "UPDATE commits SET accepted = 0 WHERE participant = ?", volunteers[0]!.id);
    answersLeft = Infinity;
    await act(id, "resume");
    await until(id, ({ state }) => state === "paused");
    expect((await report(id)).detail).toMatch(/another set of round 0.*abort the campaign/);
    const back = `/api/v1/admin/campaigns/${id}/rounds/1/rollback`;
    const refused = await send(back, { method: "POST", token: ADMIN });
    expect((await expectProblem(refused, 409, "campaign-state"))["detail"]).toContain("private");
  });

  it("[M9.3] take no seed of another, of a stranger, or sealed under what was not handed out", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    const [one, two] = volunteers as [Volunteer, Volunteer];
    const { at, commit, slices } = await upload(one, updateOf(one.view, 3), organisations[0]!);
    const other = await upload(two, updateOf(two.view, 4), await makeKeyPair());
    const refused = (changes: Record<string, unknown>) =>
      one.sendCommit(at, slices, { ...commit, ...changes });
    const stolen = await refused({ hidden: other.commit["hidden"] });
    expect((await expectProblem(stolen, 403, "unsafe-sum"))["detail"]).toContain("another than");
    const stranger = await two.sendCommit(other.at, other.slices, other.commit);
    expect((await expectProblem(stranger, 403, "unsafe-sum"))["detail"]).toContain("vouches");
    const { seed, totals } = commit["hidden"] as { seed: { sealed: string }; totals: string };
    const changed = { seed: { ...seed, sealed: "0".repeat(seed.sealed.length) }, totals };
    const tampered = await refused({ hidden: changed });
    expect((await expectProblem(tampered, 403, "unsafe-sum"))["detail"]).toContain("did not sign");
    await expectProblem(await refused({ hidden: undefined }), 400, "malformed-request");
    await expectProblem(await refused({ loss: 0.5 }), 400, "malformed-request");
    expect((await report(id)).current?.accepted).toBe(0);
  });

  it("[M9.2] [M9.5] begin anew, nothing opened, where an upgrade tells the configuration otherwise", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    const give = async (volunteer: Volunteer, i: number, view = volunteer.view): Promise<void> =>
      contribute(volunteer, updateOf(view, 3 + i), organisations[i % 2]!, { view });
    await give(volunteers[0]!, 0);
    await upgrade(id);
    const late = volunteers[1]!;
    const { at, commit, slices } = await upload(late, updateOf(late.view, 4), organisations[1]!);
    expect(at.attempt).toBe(1);
    await expectProblem(await late.sendCommit(at, slices, commit), 403, "unsafe-sum");
    expect((await rounds(id))[0]!.detail).toContain("upgraded");
    expect(globalThis.fetch).not.toHaveBeenCalled();
    const view = await ask<CampaignView>("/api/v1/campaign", { token: late.credential });
    for (const [i, volunteer] of volunteers.entries()) await give(volunteer, i, view);
    await until(id, committed(1));
  });

  it("[M9.3] take a device once, where two commit with it at once too", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    const [one, two] = volunteers as [Volunteer, Volunteer];
    await sql(id, "UPDATE participants SET public_key = ? WHERE id = ?", one.key.publicKey, two.id);
    const { credential, id: participant, view: campaign } = two;
    const double = new Volunteer({ participant, credential, campaign }, one.key);
    const both = await Promise.all(
      [one, double].map(async (volunteer) => {
        const mine = await upload(volunteer, updateOf(volunteer.view, 3), organisations[0]!);
        return () => volunteer.sendCommit(mine.at, mine.slices, mine.commit);
      }),
    );
    const answers = await Promise.all(both.map((commit) => commit()));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 403]);
    expect((await report(id)).current?.accepted).toBe(1);
  });

  it("[M9.5] keep their last place for a second organisation, and without one are void without asking", async () => {
    const { id, volunteers } = await runningCampaign(4, privately());
    for (const volunteer of volunteers) {
      await contribute(volunteer, updateOf(volunteer.view, 3), organisations[0]!);
    }
    const { accepted, state } = (await report(id)).current!;
    expect({ accepted, state }).toEqual({ accepted: 3, state: "collecting" });
    const [last] = await sql(id, "SELECT reply FROM commits WHERE accepted = 0");
    expect(JSON.parse(String(last!["reply"]))).toMatchObject({ reason: "organisation-full" });
    await sql(id, "UPDATE attempts SET deadline = 0");
    await runDurableObjectAlarm(control(id));
    await eventually(async () => {
      const [first] = await rounds(id);
      expect(first).toMatchObject({ state: "aborted" });
      expect(first!.detail).toContain("one organisation alone");
    });
    expect(globalThis.fetch).not.toHaveBeenCalled();
  });

  it("[M9.7] say of scores how many answers left, not how many to each class", async () => {
    const { volunteers } = await runningCampaign(1, privately());
    const [one] = volunteers as [Volunteer];
    const { at, commit, slices } = await upload(one, updateOf(one.view, 3), organisations[0]!);
    const scores = scoresOf(one.view, { perturbed: [0.8], radii: [0.072] });
    const flipped = await one.sendCommit(at, slices, { ...commit, scores });
    expect((await expectProblem(flipped, 400, "malformed-request"))["detail"]).toContain("flips");
    const told = {
      ...scores,
      perturbed: scores.perturbed.map((p) => Object.assign({}, p, { flips: [] })),
    };
    const taken = await one.sendCommit(at, slices, { ...commit, scores: told });
    expect(taken.status).toBe(200);
  });

  it("[M9.1] are refused for what single updates would have to be seen for, naming it", async () => {
    const model = tinyModel();
    await (await uploadModel(model)).body?.cancel();
    const refusal = async (changes: Partial<CampaignConfigInput>): Promise<string> => {
      const json = config(model, privately(changes));
      const path = "/api/v1/admin/campaigns";
      const response = await send(path, { method: "POST", token: ADMIN, json });
      const problem = await expectProblem(response, 400, "malformed-request");
      return String(problem["detail"]);
    };
    expect(await refusal({ aggregation: {} })).toContain("aggregation.rule: must be mean");
    expect(await refusal({ trial: { voters: 3 } })).toContain("trial: must be null");
    expect(await refusal({ codec: "int8" })).toContain("codec: must be f32");
    expect(await refusal({ reinit: { strength: "auto" } })).toContain("reinit.strength: must be");
    expect(await refusal({ round: { goal: 4, minimum: 2 } })).toContain("round.minimum: must be");
    expect(await refusal({ round: { goal: 65, minimum: 3 } })).toContain("round.goal: must be");
    expect(await refusal({ reinit: { strategy: { kind: "bn-divergence" } } })).toContain(
      "reinit.strategy: must be one without a statistics round",
    );
    expect(await refusal({ network: { standInNorms: true } })).toContain(
      "network.standInNorms: must",
    );
    const alone = { ...privately().privacy!, organisations: [organisations[0]!.publicKey] };
    expect(await refusal({ privacy: alone })).toContain("at least two");
  });
});
