import { evictDurableObject, reset, runInDurableObject } from "cloudflare:test";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { afterEach, describe, expect, it } from "vitest";
import {
  chainDigest,
  committedLinkSchema,
  configurationDigest,
  type CommittedLink,
} from "../../edge/campaign/chain/link.ts";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { CONFIG_VERSION, readConfig } from "../../edge/campaign/store/stored-config.ts";
import type { Chained } from "../../edge/campaign/store/chain-store.ts";
import { canonicalJson } from "../../protocol/canonical-json.ts";
import { sha256 } from "../../protocol/digest.ts";
import type { Invite } from "../../protocol/round/access.ts";
import { campaignConfigSchema } from "../../protocol/round/campaign-config.ts";
import type { ListedCampaign } from "../../protocol/round/reports.ts";
import {
  ADMIN,
  ask,
  committed,
  control,
  createCampaign,
  expectProblem,
  report,
  rounds,
  runningCampaign,
  send,
  sql,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { linkOfRound, linksOf } from "./links.ts";
import { STORED_CONFIGS } from "./stored-configs.ts";

afterEach(() => reset());

/** A committed round's link as the version before legs wrote it. */
function linkBefore(written: string, previous: string | null): CommittedLink {
  const { attempt, configuration, inputs, outputs, round } = committedLinkSchema.parse(
    JSON.parse(written),
  );
  const told = inputs.map(({ participant, slices, weight }) => ({ participant, slices, weight }));
  return { previous, round, attempt, configuration, inputs: told, outputs };
}

/** Puts links back to where the version before kept them, by the student that came of a round. */
function linksBefore({ sql: database }: DurableObjectStorage): void {
  database.exec("ALTER TABLE students ADD COLUMN link TEXT");
  database.exec("ALTER TABLE students ADD COLUMN chain TEXT");
  const links = database
    .exec<{ link: string }>("SELECT link FROM links WHERE kind = 'committed' ORDER BY position")
    .toArray();
  let chain: string | null = null;
  for (const [round, { link }] of links.entries()) {
    const before = linkBefore(link, chain);
    chain = chainDigest(before);
    const set = "UPDATE students SET link = ?, chain = ? WHERE round = ?";
    database.exec(set, canonicalJson(before), chain, round + 1);
  }
  database.exec("DROP TABLE links");
}

/** Takes the tables back to what the version before wrote, and wakes the object up again. */
async function asBefore(id: string): Promise<string> {
  await runInDurableObject(control(id), (_: Campaign, { storage }) =>
    storage.transactionSync(() => {
      linksBefore(storage);
      storage.sql.exec(`
        ALTER TABLE campaign ADD COLUMN mask_digest TEXT NOT NULL DEFAULT '';
        ALTER TABLE campaign ADD COLUMN reinitialised TEXT NOT NULL DEFAULT '';
        UPDATE campaign SET
          mask_digest = (SELECT mask_digest FROM starts),
          reinitialised = (SELECT reinitialised FROM starts),
          config = json_remove(config, '$.judging', '$.fit', '$.probes', '$.distillation.adversary',
            '$.distillation.sharpness', '$.distillation.headShift');
        DROP TABLE starts;
        ALTER TABLE campaign DROP COLUMN decisions;
        ALTER TABLE commits DROP COLUMN size;
        ALTER TABLE commits DROP COLUMN scores;
        ALTER TABLE attempts DROP COLUMN scores;
        ALTER TABLE attempts DROP COLUMN opened;
        ALTER TABLE attempts DROP COLUMN sealed_under;
        ALTER TABLE campaign DROP COLUMN statistics;
        ALTER TABLE campaign DROP COLUMN config_version;
        ALTER TABLE campaign DROP COLUMN stopped_for_fit;
        ALTER TABLE participants DROP COLUMN fit;
        DROP TABLE refusals;
        DROP TABLE blobs;
        ALTER TABLE invites DROP COLUMN places;
        ALTER TABLE participants DROP COLUMN public_key;
        ALTER TABLE participants DROP COLUMN renewed_at;
        ALTER TABLE commits DROP COLUMN signature;
        ALTER TABLE uploads DROP COLUMN replaced;
        ALTER TABLE campaign DROP COLUMN ended_at;
        DROP TABLE rollbacks;
        DROP TABLE trials;
        DROP TABLE votes;
        DELETE FROM migrations WHERE version >= 2;
      `);
    }),
  );
  const [row] = await sql(id, "SELECT config FROM campaign");
  await evictDurableObject(control(id));
  return String(row!["config"]);
}

describe("a configuration as it was stored", () => {
  // A key that the schema has gained is missing here: say in config-upgrades.ts what campaigns have
  // that were made before it.
  it.each(STORED_CONFIGS)("[C1.1] $name reads as a whole one", ({ config: written, version }) => {
    const { config } = readConfig(written, version);
    expect(campaignConfigSchema.parse(config)).toEqual(config);
  });

  it("[G5.6] from before networks were compared takes the likeliest, unless it says which", () => {
    const { config, version } = STORED_CONFIGS.at(-1)!;
    expect(readConfig(config, version).config.network).toEqual({ prefix: null });
    const named = { ...(config as object), network: { prefix: "model." } };
    expect(readConfig(named, version).config.network).toEqual({ prefix: "model." });
  });

  it("[C1.3] from before there were judging rounds has no adversary, and nobody scores", () => {
    const { config, unjudged } = readConfig(STORED_CONFIGS[0]!.config, null);
    expect(unjudged).toBe(true);
    expect(config.distillation.adversary).toBeNull();
    expect(config.judging).toMatchObject({ heldOut: Number.MIN_VALUE, regrowth: null });
  });

  it("[C1.1] of today's version reads as it is, and is written with its version", async () => {
    const config = campaignConfigSchema.parse({
      model: "ab".repeat(32),
      preprocessing: { mean: [0, 0, 0], std: [1, 1, 1] },
    });
    expect(readConfig(config, CONFIG_VERSION)).toEqual({ config, unjudged: false });
    const { id } = await createCampaign();
    const stored = await sql(id, "SELECT config_version FROM campaign");
    expect(stored).toEqual([{ config_version: CONFIG_VERSION }]);
  });
});

describe("a campaign of a later version", () => {
  const MIGRATED = "INSERT INTO migrations (version) SELECT count(*) FROM migrations";
  const WRITTEN = `UPDATE campaign SET config_version = ${CONFIG_VERSION + 1}`;

  it.each([
    ["configuration", WRITTEN, `UPDATE campaign SET config_version = ${CONFIG_VERSION}`],
    [
      "tables",
      MIGRATED,
      "DELETE FROM migrations WHERE version = (SELECT max(version) FROM migrations)",
    ],
  ])("[C1.2] by its %s is left alone and says so; others go on", async (what, later, back) => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const other = await createCampaign({ name: "another" });
    await sql(id, later);
    await evictDurableObject(control(id));

    const base = `/api/v1/admin/campaigns/${id}`;
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/rounds"],
      ["GET", "/export"],
      ["POST", "/pause"],
    ] as const) {
      const answer = await send(base + path, { method, token: ADMIN });
      const problem = await expectProblem(answer, 503, "stored-by-later-version");
      expect(problem["detail"]).toMatch(new RegExp(`${what}.*version.*start the version of Scour`));
    }
    await expect(volunteer.assignment()).rejects.toThrow("stored-by-later-version");
    const list = await ask<ListedCampaign[]>("/api/v1/admin/campaigns", { token: ADMIN });
    expect(list).toContainEqual({ id, unreadable: expect.stringContaining(what) });
    expect(list).toContainEqual(expect.objectContaining({ id: other.id, state: "ready" }));
    const metrics = await (await send("/api/v1/admin/metrics", { token: ADMIN })).text();
    expect(metrics).toContain(`scour_campaign_unreadable{campaign="${id}"} 1`);
    expect(metrics).toContain(`scour_rounds{campaign="${other.id}"`);

    await sql(id, back);
    await evictDurableObject(control(id));
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
  });
});

describe("a campaign from before scores told which class the teacher is led to", () => {
  it("[R9] [R9.11] has its links told as they were written", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    const [{ link }] = (await linksOf(id)) as [Chained];
    const before = linkBefore(canonicalJson(link), null);
    const transfer = { moved: 2, followed: 1 };
    const scores = { images: 4, loss: 0.5, agreement: 1, transfer, perturbed: [] };
    const inputs = before.inputs.map((input) => ({ ...input, loss: 0.5, scores }));
    const written = canonicalJson({ ...before, inputs });
    const chain = sha256(utf8ToBytes(written));
    await sql(id, "UPDATE links SET link = ?, chain = ?", written, chain);

    const told = await ask<Chained>(`/api/v1/admin/campaigns/${id}/chain/0`, { token: ADMIN });
    expect(told.chain).toBe(chain);
    expect(canonicalJson(told.link)).toBe(written);
    expect(await linkOfRound(id, 0)).toEqual(told);
  });
});

describe("a campaign from before names were cleaned", () => {
  it("[R9] [P8] with half a surrogate pair in its name goes on, its configuration's digest as it was", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 }, name: "halved" });
    const [volunteer] = volunteers as [Volunteer];
    await sql(id, `UPDATE campaign SET config = replace(config, '"halved"', '"h\\ud83dd"')`);
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    const [{ link }] = (await linksOf(id)) as [Chained];
    const { config } = await report(id);
    expect(config.name).toBe("h\ud83dd");
    const written = canonicalJson({ ...config, name: "halved" });
    const escaped = written.replace('"halved"', String.raw`"h\ud83dd"`);
    expect(link.configuration).toBe(sha256(utf8ToBytes(escaped)));
  });

  it.each(STORED_CONFIGS)(
    "[R9] $name has the digest of its canonical JSON",
    ({ config: written }) => {
      expect(configurationDigest(written)).toBe(sha256(utf8ToBytes(canonicalJson(written))));
    },
  );
});

describe("a campaign of the version before", () => {
  it("[C1.3] [R9.10] goes on and finishes as it was planned: no adversary, no judging round, one chain", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    const { starts } = await report(id);
    await volunteer.contribute(updateOf(volunteer.view, 1));
    await until(id, committed(1));
    const written = await asBefore(id);

    const middle = await report(id);
    expect(middle).toMatchObject({
      rounds: 2,
      starts,
      choice: null,
      config: {
        distillation: { adversary: null, sharpness: null, headShift: null },
        judging: { heldOut: Number.MIN_VALUE, watchAscents: 0, regrowth: null, stopping: null },
      },
    });
    // Its blobs are known to be its own, and its invite has a place for each that may enrol.
    for (const digest of [middle.model.digest, ...volunteer.view.starts[0]!.initialStudent]) {
      const response = await send(`/api/v1/blobs/${digest}`, { token: volunteer.credential });
      expect(response.status).toBe(200);
      await response.body?.cancel();
    }
    const invites = await ask<Invite[]>(`/api/v1/admin/campaigns/${id}/invites`, { token: ADMIN });
    expect(invites).toMatchObject([{ uses: 100, places: 100 }]);
    expect((await rounds(id))[0]).toMatchObject({
      state: "committed",
      judging: false,
      scores: null,
    });
    expect(await volunteer.assignment()).toMatchObject({
      round: 1,
      startStep: 2,
      totalSteps: 4,
      leg: { kind: "main", candidate: 0, roundOfLeg: 1, trainingRounds: 2 },
    });
    await volunteer.contribute(updateOf(volunteer.view, 2));
    expect(await until(id, ({ state }) => state === "finished")).toMatchObject({ round: 2 });
    const links = await linksOf(id);
    const configuration = configurationDigest(JSON.parse(written));
    expect(links.map(({ link }) => link)).toEqual([
      expect.objectContaining({ round: 0, previous: null }),
      expect.objectContaining({ version: 2, kind: "committed", round: 1, configuration }),
    ]);
    for (const key of ["version", "kind", "leg", "decisions"]) {
      expect(links[0]!.link).not.toHaveProperty(key);
    }
    expect((await rounds(id)).map(({ chain }) => chain)).toEqual(links.map(({ chain }) => chain));
  });
});
