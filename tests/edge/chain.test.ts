import { reset, runInDurableObject } from "cloudflare:test";
import { hexToBytes } from "@noble/hashes/utils.js";
import { afterEach, describe, expect, it } from "vitest";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { configurationDigest } from "../../edge/campaign/chain/link.ts";
import { ChainStore } from "../../edge/campaign/store/chain-store.ts";
import type { Receipt } from "../../protocol/round/after-end.ts";
import { commitBytes } from "../../protocol/round/signing.ts";
import {
  act,
  ADMIN,
  ask,
  committed,
  control,
  createCampaign,
  passDeadline,
  report,
  runningCampaign,
  send,
  sql,
  until,
  type Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { linkOfRound, linksOf } from "./links.ts";

afterEach(() => reset());

const kindsOf = (links: Awaited<ReturnType<typeof linksOf>>) => links.map(({ link }) => link.kind);

async function removeParticipant(id: string, participant: string): Promise<void> {
  const path = `/api/v1/admin/campaigns/${id}/participants/${participant}`;
  const response = await send(path, { method: "DELETE", token: ADMIN });
  expect(response.status).toBe(200);
  await response.body?.cancel();
}

function receiptOf({ credential }: Volunteer): Promise<Receipt> {
  return ask("/api/v1/receipt", { token: credential });
}

describe("the commit chain", () => {
  it("[R9] [R9.4] [R9.5] [R9.11] has a link a round, each with version, kind and configuration", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [volunteer] = volunteers as [Volunteer];
    for (const round of [0, 1]) {
      await volunteer.contribute(updateOf(volunteer.view, round));
      await until(id, committed(round + 1));
    }
    const links = await linksOf(id);
    const [row] = await sql(id, "SELECT config FROM campaign");
    const configuration = configurationDigest(JSON.parse(String(row!["config"])));
    expect(links.map(({ link }) => link)).toEqual([
      expect.objectContaining({ version: 2, kind: "committed", round: 0, configuration }),
      expect.objectContaining({ version: 2, kind: "committed", round: 1, configuration }),
    ]);
    expect(await linkOfRound(id, 1)).toEqual(links[1]);
  });

  it("[R9.6] tells of a void attempt: why, what it had, and what follows on it", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 2, minimum: 2 } });
    const [one, other] = volunteers as [Volunteer, Volunteer];
    await one.contribute(updateOf(one.view, 1), { loss: 0.25 });
    await passDeadline(id);
    const [voided, ...rest] = await linksOf(id);
    expect(rest).toEqual([]);
    expect(voided!.link).toMatchObject({
      kind: "void",
      round: 0,
      attempt: 0,
      detail: expect.stringContaining("1 of at least 2 updates"),
      inputs: [
        { participant: one.id, weight: 8, loss: 0.25, scores: null, key: one.key.publicKey },
      ],
      refusals: [],
      decisions: { choice: null, alarm: null, stopped: null },
    });
    for (const volunteer of [one, other]) await volunteer.contribute(updateOf(volunteer.view, 2));
    await until(id, committed(1));
    const links = await linksOf(id);
    expect(kindsOf(links)).toEqual(["void", "committed"]);
    expect(links[1]!.link).toMatchObject({ round: 0, attempt: 1, previous: voided!.chain });

    await act(id, "abort");
    expect((await linksOf(id)).at(-1)!.link).toMatchObject({
      kind: "void",
      round: 1,
      attempt: 0,
      detail: "the campaign was aborted",
      inputs: [],
    });
    // What was accepted by an attempt that came to nothing can be shown as well.
    const { commits } = await receiptOf(one);
    expect(commits).toMatchObject([
      { attempt: 0, accepted: true, counted: false, chain: links[0]!.chain },
      { attempt: 1, accepted: true, counted: true, chain: links[1]!.chain },
    ]);
  });

  it("[R9.7] [A8] tells of a commit that was not taken, once, so that it can be shown", async () => {
    const { id, volunteers } = await runningCampaign(2, { round: { goal: 1 } });
    const [one, other] = volunteers as [Volunteer, Volunteer];
    const at = await other.assignment();
    const slices = await other.upload(at, other.frames(updateOf(other.view, 2)));
    // Nothing is combined while paused, but what comes is still taken until it is enough.
    const held = await one.assignment();
    const first = await one.upload(held, one.frames(updateOf(one.view, 1)));
    await act(id, "pause");
    await (await one.sendCommit(held, first)).body?.cancel();
    for (let i = 0; i < 2; i++) {
      const answer = await other.sendCommit(at, slices);
      expect(await answer.json()).toMatchObject({ verdict: "rejected", reason: "goal-reached" });
    }
    await act(id, "resume");
    await until(id, committed(1));
    await act(id, "abort");

    const links = await linksOf(id);
    expect(kindsOf(links)).toEqual(["rejection", "committed", "void"]);
    const { chain, link } = links[0]!;
    const { publicKey } = other.key;
    expect(link).toMatchObject({
      round: 0,
      attempt: 0,
      participant: other.id,
      reason: "goal-reached",
      key: publicKey,
    });
    if (link.kind !== "rejection") throw new Error();
    const signed = { ...at, campaign: id, participant: other.id, commit: link.commit! };
    const key = await crypto.subtle.importKey("raw", hexToBytes(publicKey), "Ed25519", false, [
      "verify",
    ]);
    const signature = hexToBytes(link.signature!);
    expect(await crypto.subtle.verify("Ed25519", key, signature, commitBytes(signed))).toBe(true);
    const { commits } = await receiptOf(other);
    expect(commits).toMatchObject([{ accepted: false, commit: link.commit, chain }]);
    expect((await receiptOf(one)).commits).toMatchObject([{ chain: links[1]!.chain }]);
  });

  it("[R9.9] [A3] tells of a removal, once, and of the part that was dropped", async () => {
    const { id, volunteers } = await runningCampaign(2);
    const [one, other] = volunteers as [Volunteer, Volunteer];
    await one.assignment();
    for (let i = 0; i < 2; i++) await removeParticipant(id, one.id);
    await removeParticipant(id, other.id);
    expect((await linksOf(id)).map(({ link }) => link)).toMatchObject([
      { kind: "removal", participant: one.id, dropped: { round: 0, attempt: 0 } },
      { kind: "removal", participant: other.id, dropped: null },
    ]);
    expect((await report(id)).current).toMatchObject({ assigned: 0 });
  });

  it("[R9] is looked up in, and added to, without being read, however long it is", async () => {
    const { id } = await createCampaign();
    const links = 500;
    const rowsRead = await runInDurableObject(control(id), (_: Campaign, { storage }) => {
      const link = { kind: "removal", version: 2, previous: null, dropped: null } as const;
      const chain = new ChainStore(storage.sql);
      const configuration = "0".repeat(64);
      for (let i = 0; i < links; i++)
        chain.append({ ...link, configuration, participant: `p-${i}` });
      storage.sql.exec("UPDATE links SET kind = 'committed', round = position, attempt = 0");

      const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
      const counted = {
        exec: (query: string, ...values: unknown[]) => {
          const cursor = storage.sql.exec(query, ...values);
          cursors.push(cursor);
          return cursor;
        },
      } as unknown as SqlStorage;
      const long = new ChainStore(counted);
      expect(long.valueAfter({ round: links - 1, attempt: 0 })).toBe(long.value());
      expect(long.length()).toBe(links);
      long.append({ ...link, configuration, participant: "p-last" });
      return cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0);
    });
    expect(rowsRead).toBeLessThan(20);
  });
});
