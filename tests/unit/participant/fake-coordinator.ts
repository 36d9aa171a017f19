import { createPublicKey, verify } from "node:crypto";
import type { Outcome } from "../../../protocol/round/after-end.ts";
import { NOTHING_DECIDED } from "../../../protocol/round/decisions.ts";
import { renewalBytes } from "../../../protocol/round/signing.ts";
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "../../../protocol/round/version.ts";
import { sha256 } from "../../../protocol/digest.ts";
import { OWN_SIZE } from "../../../protocol/model/preprocessing-defaults.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import {
  enrolRequestSchema,
  renewRequestSchema,
  type EnrolReply,
  type InvitePreview,
  type RenewReply,
  type RenewRequest,
} from "../../../protocol/round/access.ts";
import {
  checkInRequestSchema,
  commitRequestSchema,
  type CheckInReply,
  type CheckInRequest,
  type CommitReply,
  type CommitRequest,
} from "../../../protocol/round/assignment.ts";
import { sliceCodec } from "../../../protocol/update/update-codec.ts";
import { imagesToBegin } from "../../../protocol/round/evidence.ts";
import { statisticsImages } from "../../../protocol/round/statistics-round.ts";
import { roundCount } from "../../../protocol/round/timeline.ts";
import { voteRequestSchema, type VoteRequest } from "../../../protocol/round/trial/examination.ts";
import { refuseRequestSchema, type FoundBroken } from "../../../protocol/round/refusal.ts";
import type { CampaignState } from "../../../protocol/round/states.ts";
import { decodeFrame } from "../../../protocol/update/frame.ts";
import { CAMPAIGN, FakeCampaign } from "./fake-campaign.ts";

const ORIGIN = "http://coordinator.test";
export const INVITE = `${ORIGIN}/join/${CAMPAIGN}#invite-token`;

export interface Call {
  readonly method: string;
  /** Without origin and prefix: `/rounds/0/0/slices/1`. */
  readonly path: string;
  readonly headers: Headers;
}

/** What a test puts in a call's way: an answer instead, or a connection that breaks. */
export type Interference = (call: Call) => Response | "lost-request" | "lost-reply" | undefined;

/** One participant's view of a coordinator, in memory, strict about everything it is sent. */
export class FakeCoordinator extends FakeCampaign {
  readonly calls: Call[] = [];
  /** What check-ins told. */
  readonly reports: CheckInRequest[] = [];
  readonly updates: {
    round: number;
    attempt: number;
    values: Float32Array;
    request: CommitRequest;
  }[] = [];
  interfere: Interference = () => undefined;
  state: CampaignState = "running";
  /** One a participant, however often it had to ask. */
  readonly enrolmentKeys = new Set<string | undefined>();
  /** What a check-in is answered instead of the round. */
  reply: ((report: CheckInRequest) => CheckInReply | undefined) | undefined;
  /** What was said of students that are broken. */
  readonly refusals: FoundBroken[] = [];
  readonly votes: VoteRequest[] = [];
  /** Whether a refusal has ended the campaign; until then who refused waits. */
  fails = false;
  /** Steps of an assignment instead of the campaign's own. */
  localSteps: number | undefined;
  /** What a commit is answered instead of acceptance. */
  verdict: ((round: number) => CommitReply | undefined) | undefined;
  /** What enrolment brought, and what it gave. */
  publicKey = "";
  credential = "credential";
  /** Credentials that have had their day, as headers. */
  readonly expired = new Set<string>();
  readonly renewals: RenewRequest[] = [];
  /** Its own time, ms since the epoch. */
  now = 1e12;
  /** The campaign has ended: a credential opens what is left. */
  closed = false;
  /** What the outcome says instead of what it says by itself. */
  outcome: Partial<Outcome> = {};
  /** Moves to the next round as soon as an update was accepted. */
  advances = true;
  readonly #commits = new Map<string, { request: CommitRequest; reply: CommitReply }>();
  readonly #stored = new Map<number, { digest: string; bytes: Uint8Array }>();

  count(method: string, path: RegExp): number {
    return this.calls.filter((call) => call.method === method && path.test(call.path)).length;
  }

  override move(to: { round?: number; attempt?: number }): void {
    super.move(to);
    this.#stored.clear();
  }

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input as string);
    const headers = new Headers(init.headers);
    const call = {
      method: init.method ?? "GET",
      path: url.pathname.replace("/api/v1", ""),
      headers,
    };
    this.calls.push(call);
    if (init.signal?.aborted === true) throw init.signal.reason;
    const instead = this.interfere(call);
    if (instead === "lost-request") throw new TypeError("fetch failed");
    if (instead instanceof Response) return instead;
    let reply: Response;
    try {
      reply = this.#answer(call, init.body);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      reply = problem(error);
    }
    if (instead === "lost-reply") throw new TypeError("fetch failed");
    return reply;
  };

  #answer({ headers, method, path }: Call, body: RequestInit["body"]): Response {
    if (headers.get(PROTOCOL_HEADER) !== String(PROTOCOL_VERSION))
      throw new ProtocolError("unsupported-version", "no");
    const token = headers.get("Authorization");
    if (path === "/invite" || (path === "/enrol" && method === "POST")) {
      if (token !== "Bearer invite-token") throw new ProtocolError("unauthenticated", "no invite");
    }
    if (path === "/invite") return Response.json(this.#preview());
    if (path === "/enrol" && method === "POST") {
      const request = enrolRequestSchema.parse(JSON.parse(String(body)));
      this.enrolmentKeys.add(request.key);
      this.publicKey = request.publicKey;
      return Response.json({
        participant: `p-${"b".repeat(20)}`,
        credential: this.credential,
        campaign: this.view,
      } satisfies EnrolReply);
    }
    if (path === "/renew" && method === "POST") {
      return Response.json(this.#renew(renewRequestSchema.parse(JSON.parse(String(body)))));
    }
    if (this.expired.has(String(token))) {
      throw new ProtocolError("credential-expired", "renew it", { time: this.now });
    }
    if (token !== `Bearer ${this.credential}`)
      throw new ProtocolError("unauthenticated", "no credential");
    if (path === "/outcome") return Response.json(this.#outcome());
    if (this.closed) throw new ProtocolError("campaign-ended", "it has ended");
    if (path === "/campaign") return Response.json(this.view);
    if (path === "/check-in" && method === "POST") {
      const report = checkInRequestSchema.parse(JSON.parse(String(body)));
      this.reports.push(report);
      return Response.json(this.#checkIn(report));
    }
    const blob = /^\/blobs\/(.+)$/.exec(path)?.[1];
    if (blob !== undefined) return this.#blob(blob, headers.get("Range"));
    const [, round, attempt, rest] = /^\/rounds\/(\d+)\/(\d+)\/(.+)$/.exec(path) ?? [];
    if (rest === undefined) throw new ProtocolError("not-found", path);
    const earlier = this.#commits.get(`${round}/${attempt}`);
    if (rest === "commit" && earlier !== undefined) {
      const again = commitRequestSchema.parse(JSON.parse(body as string));
      if (JSON.stringify(earlier.request) === JSON.stringify(again))
        return Response.json(earlier.reply);
      throw new ProtocolError("update-conflict", "another update was committed");
    }
    if (Number(round) !== this.round || Number(attempt) !== this.attempt) {
      throw new ProtocolError("stale-round", `round ${round}.${attempt} is over`);
    }
    if (this.state === "paused") throw new ProtocolError("campaign-state", "paused");
    if (rest === "upload" && method === "GET") {
      const slices = [...this.#stored].map(([index, { digest }]) => ({ index, digest }));
      return Response.json({
        slices,
        committed: this.#commits.has(`${this.round}/${this.attempt}`),
      });
    }
    if (rest === "refuse" && method === "POST") {
      this.refusals.push(refuseRequestSchema.parse(JSON.parse(body as string)).found);
      return Response.json({ round: this.round, attempt: this.attempt });
    }
    if (rest === "vote" && method === "POST") {
      const vote = voteRequestSchema.parse(JSON.parse(body as string));
      this.votes.push(vote);
      return Response.json({ round: this.round, attempt: this.attempt, candidate: vote.candidate });
    }
    if (rest === "commit" && method === "POST") {
      return Response.json(this.#commit(commitRequestSchema.parse(JSON.parse(body as string))));
    }
    return this.#putSlice(Number(rest.replace("slices/", "")), body as Uint8Array, headers);
  }

  #renew(request: RenewRequest): RenewReply {
    if (request.time < this.now)
      throw new ProtocolError("unauthenticated", "then", { time: this.now });
    const signature = Buffer.from(request.signature, "hex");
    const key = createPublicKey({
      key: {
        kty: "OKP",
        crv: "Ed25519",
        x: Buffer.from(this.publicKey, "hex").toString("base64url"),
      },
      format: "jwk",
    });
    if (!verify(null, renewalBytes(request), key, signature)) {
      throw new ProtocolError("bad-signature", "the signature does not hold");
    }
    this.renewals.push(request);
    this.expired.add(`Bearer ${this.credential}`);
    this.credential = `credential ${this.renewals.length}`;
    return { credential: this.credential };
  }

  #outcome(): Outcome {
    const { config, id } = this.view;
    return {
      campaign: id,
      name: config.name,
      state: this.fails ? "failed" : "finished",
      endedAt: 1,
      openUntil: 2,
      round: this.round,
      rounds: roundCount(config),
      ...NOTHING_DECIDED,
      detail: null,
      verdict: null,
      evidenceGap: null,
      result: null,
      ...this.outcome,
    };
  }

  #preview(): InvitePreview {
    const { config, id, model, state } = this.view;
    return {
      campaign: id,
      name: config.name,
      state,
      organisation: null,
      codec: config.codec,
      inputShape: model.inputShape,
      preparation: { ...OWN_SIZE, resizeTo: model.inputShape.height },
      rounds: roundCount(config),
      localSteps: config.distillation.localSteps,
      batchSize: config.distillation.batchSize,
      statisticsImages: statisticsImages(config, this.view.statistics),
      fitImages: config.fit?.images ?? 0,
      trial: config.trial !== null,
      scoringImages: 40,
      measuringImages: imagesToBegin(config, this.view.statistics),
      downloadBytes: model.bytes,
      updateBytes: 1,
      ...(config.privacy !== undefined && { privacy: config.privacy }),
    };
  }

  #checkIn(report: CheckInRequest): CheckInReply {
    const instead = this.reply?.(report);
    if (instead !== undefined) return instead;
    const { localSteps } = this.view.config.distillation;
    if (this.state === "paused") {
      return { kind: "wait", reason: "paused", round: this.round, retryAfterMs: 1000 };
    }
    if (this.refusals.length > 0) {
      if (this.fails) return { kind: "ended", state: "failed", detail: null, round: this.round };
      return { kind: "wait", reason: "broken-student", round: this.round, retryAfterMs: 1000 };
    }
    if (this.round === roundCount(this.view.config)) {
      return { kind: "ended", state: "finished", detail: null, round: this.round };
    }
    if (report.undecided === true) {
      return { kind: "wait", reason: "undecided", round: this.round, retryAfterMs: 1000 };
    }
    if (this.#commits.has(`${this.round}/${this.attempt}`)) {
      return { kind: "wait", reason: "already-contributed", round: this.round, retryAfterMs: 3000 };
    }
    const { judging, leg, roundOfLeg, startStep, totalSteps } = this.place;
    const { kind, trainingRounds } = leg;
    if (kind === "statistics") {
      return { kind, round: this.round, attempt: this.attempt, deadline: 0 };
    }
    return {
      kind: "assignment",
      round: this.round,
      attempt: this.attempt,
      deadline: 0,
      student: this.student,
      leg: { kind, candidate: leg.candidate!, roundOfLeg, trainingRounds },
      startStep,
      totalSteps,
      localSteps: judging ? 0 : (this.localSteps ?? localSteps),
    };
  }

  #blob(digest: string, range: string | null): Response {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw new ProtocolError("not-found", "no such blob");
    const [, from = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const end = last === "" ? bytes.length : Number(last) + 1;
    return new Response(bytes.slice(Number(from), end), { status: range === null ? 200 : 206 });
  }

  #putSlice(index: number, frame: Uint8Array, headers: Headers): Response {
    const digest = sha256(frame);
    const expected = `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`;
    if (headers.get("Content-Digest") !== expected) {
      throw new ProtocolError("digest-mismatch", "the frame was damaged");
    }
    this.#stored.set(index, { digest, bytes: frame.slice() });
    return new Response(null, { status: 204 });
  }

  #commit(request: CommitRequest): CommitReply {
    const values = new Float32Array(this.layout.length);
    const { judging, leg } = this.place;
    const measures = leg.kind === "statistics";
    const declines = measures && request.examples === 0;
    if (judging && (request.slices.length > 0 || request.examples > 0)) {
      throw new ProtocolError("malformed-request", "a judging round takes scores alone");
    }
    const expected = this.layout.slices.filter(
      ({ section }) => !judging && !declines && (!measures || section === "statistics"),
    );
    if (request.slices.length !== expected.length) {
      throw new ProtocolError("malformed-request", `${expected.length} slices are expected`);
    }
    for (const [position, slice] of expected.entries()) {
      const stored = this.#stored.get(slice.index);
      if (stored?.digest !== request.slices[position]) {
        throw new ProtocolError("incomplete-update", `slice ${slice.index} is missing`);
      }
      const codec = sliceCodec(this.view.config.codec, slice.section);
      const frame = { codec, sliceIndex: slice.index, count: slice.length };
      values.set(decodeFrame(stored!.bytes, frame).values, slice.offset);
    }
    const reply = this.verdict?.(this.round) ?? {
      verdict: "accepted" as const,
      round: this.round,
      weight: request.examples,
    };
    this.#commits.set(`${this.round}/${this.attempt}`, { request, reply });
    this.updates.push({ round: this.round, attempt: this.attempt, values, request });
    if (measures && !declines) this.pool(values.subarray(this.layout.trainableLength));
    else if (this.advances) this.nextRound(values);
    return reply;
  }
}

export function problem(error: ProtocolError, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(error.toProblem()), {
    status: error.status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });
}
