import { reset } from "cloudflare:test";
import { SignJWT } from "jose";
import { afterEach, describe, expect, it } from "vitest";
import type { CommittedLink } from "../../edge/campaign/chain/link.ts";
import { commitBytes } from "../../protocol/round/signing.ts";
import { makeKeyPair } from "./key-pair.ts";
import {
  ADMIN,
  ask,
  committed,
  createCampaign,
  expectProblem,
  inviteToken,
  runningCampaign,
  send,
  sql,
  until,
  Volunteer,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";

afterEach(() => reset());

const SECRET = new TextEncoder().encode("signing-key-of-the-tests-32-bytes-long");

async function volunteer(): Promise<Volunteer> {
  const { id } = await createCampaign();
  return await Volunteer.enrol((await inviteToken(id)).token);
}

/** A credential as it was a day ago. */
function expired({ id, view }: Volunteer): Promise<string> {
  return new SignJWT({ kind: "participant", campaign: view.id, participant: id })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setIssuedAt(1)
    .setExpirationTime(Math.floor(Date.now() / 1000) - 1)
    .sign(SECRET);
}

describe("a credential", () => {
  it("[P6] lives for a day, and says so when it has expired, with the time to renew it for", async () => {
    const person = await volunteer();
    const [, payload] = person.credential.split(".");
    const { iat, exp } = JSON.parse(atob(payload!)) as { iat: number; exp: number };
    // Whole seconds: rounded up at the end.
    expect([86_400, 86_401]).toContain(exp - iat);
    const response = await send("/api/v1/campaign", { token: await expired(person) });
    const problem = await expectProblem(response, 401, "credential-expired");
    expect(Math.abs(Number(problem["time"]) - Date.now())).toBeLessThan(60_000);
  });

  it("[A6] is renewed for a signature by the participant's key, without another token", async () => {
    const person = await volunteer();
    const renewed = await (await person.renew()).json<{ credential: string }>();
    expect((await send("/api/v1/campaign", { token: renewed.credential })).status).toBe(200);
  });

  it("[A6.1] [A6.2] is not renewed for a signature by another, of another or for another time", async () => {
    const person = await volunteer();
    const other = await volunteer();
    const stolen = await makeKeyPair();
    for (const changes of [
      { signature: "00".repeat(64) },
      { participant: other.id, campaign: other.view.id },
      { signature: await stolen.sign(new TextEncoder().encode("x")) },
    ]) {
      await expectProblem(await person.renew(Date.now(), changes), 403, "bad-signature");
    }
    for (const late of [-400_000, 400_000]) {
      const refused = await person.renew(Date.now() + late);
      const problem = await expectProblem(refused, 401, "unauthenticated");
      expect(typeof problem["time"]).toBe("number");
    }
    const nowhere = { campaign: `c-${"a".repeat(20)}` };
    await expectProblem(await person.renew(Date.now(), nowhere), 401, "unauthenticated");
    const nobody = { participant: `p-${"a".repeat(20)}` };
    await expectProblem(await person.renew(Date.now(), nobody), 401, "unauthenticated");
  });

  it("[A6.2] is not renewed twice by one signature", async () => {
    const person = await volunteer();
    const time = Date.now();
    expect((await person.renew(time)).status).toBe(200);
    await expectProblem(await person.renew(time), 401, "unauthenticated");
    expect((await person.renew(time + 1)).status).toBe(200);
  });

  it("[A3] is not renewed for one that was removed", async () => {
    const person = await volunteer();
    const path = `/api/v1/admin/campaigns/${person.view.id}/participants/${person.id}`;
    await ask(path, { method: "DELETE", token: ADMIN });
    await expectProblem(await person.renew(), 403, "participant-revoked");
  });

  it("[A2.1] is not given for an enrolment repeated with another key", async () => {
    const { id } = await createCampaign();
    const { token } = await inviteToken(id);
    const json = { key: "0f".repeat(16), publicKey: "5e".repeat(32) };
    const enrol = (body: Record<string, unknown>) =>
      send("/api/v1/enrol", { method: "POST", token, json: body });
    expect((await enrol(json)).status).toBe(201);
    await expectProblem(await enrol({ ...json, publicKey: "5f".repeat(32) }), 403, "forbidden");
    await expectProblem(await enrol({ key: "1f".repeat(16) }), 400, "malformed-request");
  });
});

describe("a commit", () => {
  it("[A7] is signed by the key of who sends it, for this very round, or refused", async () => {
    const { volunteers } = await runningCampaign(2);
    const [person, other] = volunteers as [Volunteer, Volunteer];
    const at = await person.assignment();
    const slices = await person.upload(at, person.frames(updateOf(person.view, 1)));
    const bytes = commitBytes({
      campaign: person.view.id,
      participant: person.id,
      round: at.round,
      attempt: at.attempt,
      commit: "0".repeat(64),
    });
    for (const signature of [undefined, "00".repeat(64), await person.key.sign(bytes)]) {
      const refused = await person.sendCommit(at, slices, { signature });
      await expectProblem(refused, 403, "bad-signature");
    }
    Object.assign(other, { credential: person.credential });
    await expectProblem(await other.sendCommit(at, slices), 403, "bad-signature");
    expect((await person.sendCommit(at, slices)).status).toBe(200);
    // The same again gets the same answer (R5).
    expect((await person.sendCommit(at, slices)).status).toBe(200);
  });

  it("[R9.1] key, digest and signature stand in the chain and hold", async () => {
    const { id, volunteers } = await runningCampaign(2);
    for (const [seed, person] of volunteers.entries()) {
      await person.contribute(updateOf(person.view, seed));
    }
    await until(id, committed(1));
    const { link } = await ask<{ link: CommittedLink }>(
      `/api/v1/admin/campaigns/${id}/rounds/0/chain`,
      { token: ADMIN },
    );
    for (const [i, { participant, key, commit, signature }] of link.inputs.entries()) {
      expect(key).toBe(volunteers[i]!.key.publicKey);
      const bytes = commitBytes({
        campaign: id,
        participant,
        round: 0,
        attempt: 0,
        commit: commit!,
      });
      expect(signature).toBe(await volunteers[i]!.key.sign(bytes));
    }
  });

  it("[A2.2] [A7] of one whom a version without keys enrolled needs none, and its credential lasts", async () => {
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } });
    const [person] = volunteers as [Volunteer];
    await sql(id, "UPDATE participants SET public_key = NULL");
    person.credential = await new SignJWT({
      kind: "participant",
      campaign: id,
      participant: person.id,
    })
      .setProtectedHeader({ alg: "HS256" })
      .sign(SECRET);
    await person.contribute(updateOf(person.view, 1), { signature: undefined });
    await until(id, committed(1));
    const { link } = await ask<{ link: CommittedLink }>(
      `/api/v1/admin/campaigns/${id}/rounds/0/chain`,
      { token: ADMIN },
    );
    expect(Object.keys(link.inputs[0]!)).not.toContain("key");
    await expectProblem(await person.renew(), 403, "bad-signature");
  });
});
