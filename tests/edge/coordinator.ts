import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, onTestFinished, vi } from "vitest";
import { formatDigest } from "../../protocol/content-digest.ts";
import type { Campaign } from "../../edge/campaign/campaign.ts";
import { sha256 } from "../../protocol/digest.ts";
import type { CampaignView, EnrolReply, Invite } from "../../protocol/round/access.ts";
import type {
  Assignment,
  CheckInReply,
  CheckInRequest,
  CommitReply,
} from "../../protocol/round/assignment.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { sliceCodec } from "../../protocol/update/update-codec.ts";
import type { Scores } from "../../protocol/round/judging.ts";
import type { CampaignReport, RoundReport } from "../../protocol/round/reports.ts";
import { commitBytes, commitDigest, renewalBytes } from "../../protocol/round/signing.ts";
import { UPLOAD_LIMITS, type UploadState } from "../../protocol/round/upload.ts";
import { encodeFrame } from "../../protocol/update/frame.ts";
import { uniformSource } from "../../protocol/random/uniform-source.ts";
import { BOUNDS_MS } from "../patience.ts";
import { makeKeyPair, type KeyPair } from "./key-pair.ts";
import { tinyModel, type TinyModel } from "./tiny-model.ts";
import { scoresOf, type Said } from "./what-is-sent.ts";

export const ADMIN = "admin-token-of-the-tests";

/** Sends a request to the Worker under test. */
export async function send(
  path: string,
  options: {
    method?: string;
    token?: string;
    json?: unknown;
    body?: Uint8Array | string | ReadableStream;
    headers?: Record<string, string>;
  } = {},
): Promise<Response> {
  const headers = new Headers(options.headers);
  if (options.token !== undefined) headers.set("Authorization", `Bearer ${options.token}`);
  if (options.json !== undefined) headers.set("Content-Type", "application/json");
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  const request = new Request(`http://scour.test${path}`, {
    method: options.method ?? "GET",
    headers,
    ...(body !== undefined && { body }),
  });
  return await exports.default.fetch(request);
}

/** A request that must succeed, and its JSON. */
export async function ask<T>(path: string, options: Parameters<typeof send>[1] = {}): Promise<T> {
  const response = await send(path, options);
  if (!response.ok) {
    throw new Error(`${options.method ?? "GET"} ${path}: ${await response.text()}`);
  }
  return await response.json<T>();
}

/** Expects a problem document of this code and status; gives it back. */
export async function expectProblem(
  response: Response,
  status: number,
  code: string,
): Promise<Record<string, unknown>> {
  const text = await response.text();
  expect(text).toContain(`urn:scour:problem:${code}`);
  const problem: Record<string, unknown> = JSON.parse(text);
  expect(problem).toMatchObject({ type: `urn:scour:problem:${code}`, status });
  expect(response.status).toBe(status);
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(String(problem["detail"]).length).toBeGreaterThan(10);
  return problem;
}

/** Sends one part of a model. */
export async function sendPart(
  digest: string,
  index: number,
  body: Uint8Array<ArrayBuffer>,
): Promise<Response> {
  return await send(`/api/v1/admin/models/${digest}/parts/${index}`, {
    method: "PUT",
    token: ADMIN,
    body,
    headers: {
      "Content-Length": String(body.length),
      "Content-Digest": formatDigest(sha256(body)),
    },
  });
}

/** Begins an upload, or asks how far it is. */
export async function beginUpload(
  digest: string,
  bytes: number,
  partBytes: number = UPLOAD_LIMITS.leastPartBytes,
): Promise<Response> {
  const json = { bytes, partBytes };
  return await send(`/api/v1/admin/models/${digest}`, { method: "POST", token: ADMIN, json });
}

export async function completeUpload(digest: string): Promise<Response> {
  return await send(`/api/v1/admin/models/${digest}/complete`, { method: "POST", token: ADMIN });
}

/** Uploads a model whole. @returns the last answer */
export async function uploadModel({ bytes, digest }: TinyModel): Promise<Response> {
  const begun = await beginUpload(digest, bytes.length);
  const { missing, partBytes }: UploadState = await begun.json();
  for (const index of missing) {
    const part = bytes.slice(index * partBytes, (index + 1) * partBytes);
    await (await sendPart(digest, index, part)).body?.cancel();
  }
  return await completeUpload(digest);
}

export const SEED = "ab".repeat(32);

/** A configuration for tests: f32 and two rounds unless told otherwise. */
export function config(
  model: TinyModel,
  changes: Partial<CampaignConfigInput> = {},
): CampaignConfigInput {
  return {
    name: "a test",
    model: model.digest,
    preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    reinit: { seed: SEED },
    codec: "f32",
    ...changes,
    distillation: { rounds: 2, localSteps: 2, batchSize: 4, ...changes.distillation },
    round: { goal: 2, overSelection: 2, ...changes.round },
  };
}

export async function createCampaign(
  changes: Partial<CampaignConfigInput> = {},
  model: TinyModel = tinyModel(),
): Promise<CampaignReport> {
  const uploaded = await uploadModel(model);
  expect(uploaded.status).toBe(200);
  await uploaded.body?.cancel();
  return await ask<CampaignReport>("/api/v1/admin/campaigns", {
    method: "POST",
    token: ADMIN,
    json: config(model, changes),
  });
}

export function act(id: string, action: string): Promise<CampaignReport> {
  return ask(`/api/v1/admin/campaigns/${id}/${action}`, { method: "POST", token: ADMIN });
}

export function report(id: string): Promise<CampaignReport> {
  return ask(`/api/v1/admin/campaigns/${id}`, { token: ADMIN });
}

export function rounds(id: string): Promise<RoundReport[]> {
  return ask(`/api/v1/admin/campaigns/${id}/rounds`, { token: ADMIN });
}

export async function inviteToken(
  id: string,
  request: Record<string, unknown> = { uses: 100, places: 100 },
): Promise<{ invite: Invite; token: string }> {
  const invite = await ask<Invite>(`/api/v1/admin/campaigns/${id}/invites`, {
    method: "POST",
    token: ADMIN,
    json: request,
  });
  return { invite, token: invite.url.split("#")[1]! };
}

/** The campaign's control object, to look into or to break. */
export function control(id: string): DurableObjectStub<Campaign> {
  return env.CAMPAIGN.getByName(id);
}

/** Runs SQL within the control object. */
export function sql(id: string, statement: string, ...values: (string | number | null)[]) {
  return runInDurableObject(control(id), (_: Campaign, state) =>
    state.storage.sql.exec(statement, ...values).toArray(),
  );
}

/** Moves the present attempt's deadline into the past and lets the alarm find out. */
export async function passDeadline(id: string): Promise<void> {
  await sql(id, "UPDATE attempts SET deadline = 1 WHERE state = 'collecting'");
  await runDurableObjectAlarm(control(id));
}

/**
 * Stops what `Date` tells, to tests and coordinator alike, until the test is over; `vi.setSystemTime`
 * moves it on. Timers and alarms go by the machine's clock all the same.
 *
 * @returns the moment, milliseconds.
 */
export function stopClock(): number {
  const now = Date.now();
  vi.useFakeTimers({ now, toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  return now;
}

/** Waits until the assertions hold, and gives what they give; fails with what they said last. */
export function eventually<T>(assertions: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(assertions, { timeout: BOUNDS_MS.edge.wait, interval: 20 });
}

/** Waits for the campaign to combine by itself. */
export function until(
  id: string,
  condition: (report: CampaignReport) => boolean,
): Promise<CampaignReport> {
  return eventually(async () => {
    const latest = await report(id);
    if (!condition(latest)) throw new Error(`still ${JSON.stringify(latest.current)}`);
    return latest;
  });
}

export const committed = (count: number) => (latest: CampaignReport) => latest.round >= count;

/** A participant as the protocol knows it; it does not train. */
export class Volunteer {
  readonly id: string;
  credential: string;
  readonly view: CampaignView;
  readonly key: KeyPair;

  constructor(reply: EnrolReply, key: KeyPair) {
    this.id = reply.participant;
    this.credential = reply.credential;
    this.view = reply.campaign;
    this.key = key;
  }

  static async enrol(invite: string, label?: string): Promise<Volunteer> {
    const key = await makeKeyPair();
    const json = { publicKey: key.publicKey, ...(label !== undefined && { label }) };
    const reply = await ask<EnrolReply>("/api/v1/enrol", { method: "POST", token: invite, json });
    return new Volunteer(reply, key);
  }

  checkIn(said: CheckInRequest = {}): Promise<CheckInReply> {
    return ask("/api/v1/check-in", { method: "POST", token: this.credential, json: said });
  }

  async assignment(said: CheckInRequest = {}): Promise<Assignment> {
    const reply = await this.checkIn(said);
    if (reply.kind !== "assignment") throw new Error(`got ${JSON.stringify(reply)}`);
    return reply;
  }

  frames(update: readonly Float32Array[], roundingSeed = 1): Uint8Array<ArrayBuffer>[] {
    const { trainableLength } = this.view.model;
    let offset = 0;
    return update.map((values, sliceIndex) => {
      const section = offset < trainableLength ? "trainable" : "statistics";
      offset += values.length;
      const random = uniformSource(Uint8Array.of(roundingSeed), `slice ${sliceIndex}`);
      const codec = sliceCodec(this.view.config.codec, section);
      return encodeFrame({ codec, sliceIndex, values, random });
    });
  }

  putFrame(
    { round, attempt }: { round: number; attempt: number },
    index: number,
    frame: Uint8Array,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    return send(`/api/v1/rounds/${round}/${attempt}/slices/${index}`, {
      method: "PUT",
      token: this.credential,
      body: frame,
      headers: {
        "Content-Length": String(frame.length),
        "Content-Digest": formatDigest(sha256(frame)),
        ...headers,
      },
    });
  }

  /** Uploads all frames; gives their digests. */
  async upload(
    at: { round: number; attempt: number },
    frames: readonly Uint8Array[],
  ): Promise<string[]> {
    for (const [index, frame] of frames.entries()) {
      const response = await this.putFrame(at, index, frame);
      if (!response.ok) throw new Error(await response.text());
      await response.body?.cancel();
    }
    return frames.map((frame) => sha256(frame));
  }

  async sendCommit(
    { round, attempt }: { round: number; attempt: number },
    slices: readonly string[],
    changes: Record<string, unknown> = {},
  ): Promise<Response> {
    const request = {
      slices: [...slices],
      examples: 8,
      loss: 0.5,
      agreement: 0.75,
      seconds: 1,
      backend: "none",
      scores: null,
      ...changes,
    };
    const commit = commitDigest(request);
    const bytes = commitBytes({
      campaign: this.view.id,
      participant: this.id,
      round,
      attempt,
      commit,
    });
    const signature = await this.key.sign(bytes);
    return await send(`/api/v1/rounds/${round}/${attempt}/commit`, {
      method: "POST",
      token: this.credential,
      json: { signature, ...request },
    });
  }

  /** Asks for a new credential, as of this time. */
  async renew(time = Date.now(), changes: Record<string, unknown> = {}): Promise<Response> {
    const renewal = { campaign: this.view.id, participant: this.id, time };
    const signature = await this.key.sign(renewalBytes(renewal));
    return await send("/api/v1/renew", {
      method: "POST",
      json: { ...renewal, signature, ...changes },
    });
  }

  /** Check-in, upload and commit of one update. */
  async contribute(
    update: readonly Float32Array[],
    changes: Record<string, unknown> = {},
  ): Promise<CommitReply> {
    const at = await this.assignment();
    const slices = await this.upload(at, this.frames(update));
    const response = await this.sendCommit(at, slices, changes);
    if (!response.ok) throw new Error(await response.text());
    return await response.json<CommitReply>();
  }

  /** Scores in a judging round; null for one who has too few images. */
  sendScores(
    at: { round: number; attempt: number },
    scores: Scores | null,
    changes: Record<string, unknown> = {},
  ): Promise<Response> {
    const { loss, agreement } = scores ?? { loss: 0, agreement: 0 };
    return this.sendCommit(at, [], { examples: 0, loss, agreement, scores, ...changes });
  }

  /** Check-in and commit of a judging round. */
  async judge(said: Said | null = {}): Promise<CommitReply> {
    const at = await this.assignment();
    expect(at.localSteps).toBe(0);
    const response = await this.sendScores(at, said && scoresOf(this.view, said));
    if (!response.ok) throw new Error(await response.text());
    return await response.json<CommitReply>();
  }
}

/** A running campaign with participants in ascending order of their ids. */
export async function runningCampaign(
  count: number,
  changes: Partial<CampaignConfigInput> = {},
  model?: TinyModel,
): Promise<{ id: string; volunteers: Volunteer[] }> {
  const { id } = await createCampaign(changes, model);
  await act(id, "start");
  const { token } = await inviteToken(id);
  const volunteers: Volunteer[] = [];
  for (let i = 0; i < count; i++) volunteers.push(await Volunteer.enrol(token));
  volunteers.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { id, volunteers };
}

/** The student after so many rounds, slice by slice, read as a participant reads it. */
export async function studentOf(id: string, round: number): Promise<Float32Array[]> {
  const [row] = await sql(id, "SELECT slices FROM students WHERE round = ?", round);
  const digests = JSON.parse(String(row?.["slices"])) as string[];
  return await Promise.all(
    digests.map(async (digest) => {
      const response = await send(`/api/v1/blobs/${digest}`, { token: ADMIN });
      const bytes = await response.arrayBuffer();
      expect(sha256(new Uint8Array(bytes))).toBe(digest);
      return new Float32Array(bytes);
    }),
  );
}
