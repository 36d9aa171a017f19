import { z } from "zod";
import { formatDigest } from "../../../protocol/content-digest.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import {
  invitePreviewSchema,
  renewReplySchema,
  type EnrolRequest,
  type InvitePreview,
  type RenewReply,
  type RenewRequest,
} from "../../../protocol/round/access.ts";
import {
  outcomeSchema,
  receiptSchema,
  type Outcome,
  type Receipt,
} from "../../../protocol/round/after-end.ts";
import {
  checkInReplySchema,
  commitReplySchema,
  uploadStatusSchema,
  type CheckInReply,
  type CheckInRequest,
  type CommitReply,
  type CommitRequest,
  type UploadStatus,
} from "../../../protocol/round/assignment.ts";
import {
  refuseReplySchema,
  type RefuseReply,
  type RefuseRequest,
} from "../../../protocol/round/refusal.ts";
import {
  voteReplySchema,
  type VoteReply,
  type VoteRequest,
} from "../../../protocol/round/trial/examination.ts";
import { API_PREFIX, PROTOCOL_HEADER, PROTOCOL_VERSION } from "../../../protocol/round/version.ts";
import type { Credential } from "./credential.ts";
import {
  toldCampaignSchema,
  toldEnrolReplySchema,
  type ToldCampaign,
  type ToldEnrolReply,
} from "./told-campaign.ts";
import { ConnectionError } from "./connection-error.ts";
import { ParticipantError } from "../participant-error.ts";
import type { Clock } from "../ports.ts";
import { RETRY_AFTER_EXTENSION } from "./retry.ts";

export interface CoordinatorClientOptions {
  readonly origin: string;
  /** Bearer token: an invite's, or a participant's credential; none for renewals. */
  readonly token: string | Pick<Credential, "token" | "renew"> | undefined;
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Told the body bytes of every request and answer. */
  readonly onTraffic?: (bytes: { readonly sent: number; readonly received: number }) => void;
}

/** Which round an upload belongs to. */
export interface Attempt {
  readonly round: number;
  readonly attempt: number;
}

/** A slice of an update, framed. */
interface SliceToSend {
  readonly index: number;
  readonly frame: Uint8Array<ArrayBuffer>;
  /** SHA-256 of the frame, the one that the commit names. */
  readonly digest: string;
}

type Init = RequestInit & { readonly headers?: Record<string, string> };

interface Limits {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

const JSON_TIMEOUT_MS = 30_000;
/** Slowest uplink that is still waited for. */
const SLOWEST_BYTES_PER_MS = 4;

/**
 * The participant's side of the wire, one call a route. Answers are checked against their schema;
 * refusals come out as `ProtocolError`, failures to get an answer as `ConnectionError`. Nothing is
 * tried again here (see retry.ts).
 *
 * @example
 * const client = new CoordinatorClient({ origin, token: credential, fetch, clock: systemClock });
 * const reply = await client.checkIn({ imagesPerSecond: 40 }, signal);
 */
export class CoordinatorClient {
  readonly #options: CoordinatorClientOptions;

  constructor(options: CoordinatorClientOptions) {
    this.#options = options;
  }

  /** What an invite offers; the token is the invite's. */
  preview(signal: AbortSignal): Promise<InvitePreview> {
    return this.#json("GET", "/invite", invitePreviewSchema, signal);
  }

  /** Enrols with an invite; the token is the invite's. */
  enrol(request: EnrolRequest, signal: AbortSignal): Promise<ToldEnrolReply> {
    return this.#json("POST", "/enrol", toldEnrolReplySchema, signal, request);
  }

  /** Asks for a new credential; the signature says for whom (SPEC A6). */
  renew(request: RenewRequest, signal: AbortSignal): Promise<RenewReply> {
    return this.#json("POST", "/renew", renewReplySchema, signal, request);
  }

  /** How the campaign ended (SPEC A8). */
  outcome(signal: AbortSignal): Promise<Outcome> {
    return this.#json("GET", "/outcome", outcomeSchema, signal);
  }

  /** What this participant gave to a campaign that has ended (SPEC A8). */
  receipt(signal: AbortSignal): Promise<Receipt> {
    return this.#json("GET", "/receipt", receiptSchema, signal);
  }

  /** The cleansed model as a file, where the organiser shares it; the body is the caller's to read. */
  result(signal: AbortSignal): Promise<Response> {
    return this.#send("/result", {}, { signal, timeoutMs: JSON_TIMEOUT_MS });
  }

  campaign(signal: AbortSignal): Promise<ToldCampaign> {
    return this.#json("GET", "/campaign", toldCampaignSchema, signal);
  }

  checkIn(report: CheckInRequest, signal: AbortSignal): Promise<CheckInReply> {
    return this.#json("POST", "/check-in", checkInReplySchema, signal, report);
  }

  uploadStatus(attempt: Attempt, signal: AbortSignal): Promise<UploadStatus> {
    return this.#json("GET", `${attemptPath(attempt)}/upload`, uploadStatusSchema, signal);
  }

  /** Stores one slice of an update; the same frame may be sent again (SPEC R4). */
  async putSlice(
    attempt: Attempt,
    { digest, frame, index }: SliceToSend,
    signal: AbortSignal,
  ): Promise<void> {
    // Content-Length is set by fetch itself.
    const response = await this.#send(
      `${attemptPath(attempt)}/slices/${index}`,
      {
        method: "PUT",
        headers: {
          "Content-Digest": formatDigest(digest),
          "Content-Type": "application/octet-stream",
        },
        body: frame,
      },
      { signal, timeoutMs: JSON_TIMEOUT_MS + frame.length / SLOWEST_BYTES_PER_MS },
    );
    this.#count(frame.length, 0);
    // Read, not cancelled: browsers count a cancelled answer as a failed request.
    await readText(response, "/slices", signal);
  }

  commit(attempt: Attempt, request: CommitRequest, signal: AbortSignal): Promise<CommitReply> {
    return this.#json("POST", `${attemptPath(attempt)}/commit`, commitReplySchema, signal, request);
  }

  /** Says that no update of the attempt's student can be made (SPEC J12). */
  refuse(attempt: Attempt, request: RefuseRequest, signal: AbortSignal): Promise<RefuseReply> {
    return this.#json("POST", `${attemptPath(attempt)}/refuse`, refuseReplySchema, signal, request);
  }

  /** Says what a candidate is like (SPEC K3). */
  vote(attempt: Attempt, request: VoteRequest, signal: AbortSignal): Promise<VoteReply> {
    return this.#json("POST", `${attemptPath(attempt)}/vote`, voteReplySchema, signal, request);
  }

  /**
   * Asks for a blob from byte `from` on, up to and without `end` where that is given. The body is the caller's to read, and to count with
   * `countReceived`; the digest is not checked here (see blob-fetch.ts).
   */
  blob(digest: string, from: number, signal: AbortSignal, end?: number): Promise<Response> {
    const isWhole = from === 0 && end === undefined;
    const last = end === undefined ? "" : end - 1;
    const headers: Record<string, string> = isWhole ? {} : { Range: `bytes=${from}-${last}` };
    return this.#send(`/blobs/${digest}`, { headers }, { signal, timeoutMs: JSON_TIMEOUT_MS });
  }

  countReceived(bytes: number): void {
    this.#count(0, bytes);
  }

  async #json<T>(
    method: "GET" | "POST",
    path: string,
    schema: z.ZodType<T>,
    signal: AbortSignal,
    body?: unknown,
  ): Promise<T> {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#send(
      path,
      sent === undefined
        ? { method }
        : { method, headers: { "Content-Type": "application/json" }, body: sent },
      { signal, timeoutMs: JSON_TIMEOUT_MS },
    );
    const text = await readText(response, path, signal);
    this.#count(sent?.length ?? 0, text.length);
    const parsed = schema.safeParse(parseJson(text));
    if (parsed.success) return parsed.data;
    throw new ParticipantError(
      "unexpected-reply",
      `${this.#options.origin} answered ${method} ${API_PREFIX}${path} with something a coordinator of protocol ${PROTOCOL_VERSION} does not say (${z.prettifyError(parsed.error)}); check the address, and that both sides run the same version`,
    );
  }

  /** Resolves with a 2xx answer whose body was not read yet; renews the credential where it must. */
  async #send(path: string, init: Init, limits: Limits): Promise<Response> {
    const { origin, token } = this.#options;
    const { signal } = limits;
    const response = await this.#exchange(path, init, limits);
    if (response.ok) return response;
    const refused = await refusal(response, origin, path, signal);
    if (!isRenewable(refused) || typeof token !== "object") throw refused;
    try {
      await token.renew(Number(refused.extensions["time"] ?? Date.now()), signal);
    } catch (error) {
      // What was refused as unknown is unknown.
      throw error instanceof ProtocolError && error.status === 401 ? refused : error;
    }
    const again = await this.#exchange(path, init, limits);
    if (again.ok) return again;
    throw await refusal(again, origin, path, signal);
  }

  async #exchange(path: string, init: Init, { signal, timeoutMs }: Limits): Promise<Response> {
    const { clock, fetch, origin, token } = this.#options;
    const bearer = typeof token === "object" ? token.token : token;
    signal.throwIfAborted();
    const answered = new AbortController();
    const timedOut = new AbortController();
    clock.sleep(timeoutMs, AbortSignal.any([answered.signal, signal])).then(
      () => timedOut.abort(),
      () => undefined,
    );
    try {
      return await fetch(`${origin}${API_PREFIX}${path}`, {
        ...init,
        headers: {
          ...init.headers,
          ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
          [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
        },
        signal: AbortSignal.any([signal, timedOut.signal]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw timedOut.signal.aborted
        ? new ConnectionError("timed-out", `${origin} did not answer in time`, { cause })
        : new ConnectionError("unreachable", `${origin} cannot be reached`, { cause });
    } finally {
      answered.abort();
    }
  }

  #count(sent: number, received: number): void {
    this.#options.onTraffic?.({ sent, received });
  }
}

/**
 * Whether another credential may help: this one has expired, or nobody knows it because the key that it
 * was signed with is gone (SPEC P7).
 */
function isRenewable(error: Error): error is ProtocolError {
  if (!(error instanceof ProtocolError)) return false;
  return error.code === "credential-expired" || error.code === "unauthenticated";
}

/** What an answer that is not 2xx means. */
async function refusal(
  response: Response,
  origin: string,
  path: string,
  signal: AbortSignal,
): Promise<Error> {
  const text = await readText(response, path, signal);
  const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"));
  const problem = ProtocolError.fromProblem(parseJson(text));
  if (problem !== undefined) {
    if (retryAfterMs === undefined) return problem;
    return new ProtocolError(problem.code, problem.message, {
      ...problem.extensions,
      [RETRY_AFTER_EXTENSION]: retryAfterMs,
    });
  }
  const { status } = response;
  if (status >= 500 || status === 408 || status === 429) {
    return new ConnectionError("unavailable", `${origin} answered ${status}`, { retryAfterMs });
  }
  return new ParticipantError(
    "unexpected-reply",
    `${origin} answered ${status} to ${API_PREFIX}${path} and did not say why; check that a Scour coordinator runs at this address`,
  );
}

async function readText(response: Response, path: string, signal: AbortSignal): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    throw new ConnectionError("interrupted", `the answer to ${API_PREFIX}${path} broke off`, {
      cause,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const moment = Date.parse(header);
  return Number.isNaN(moment) ? undefined : Math.max(0, moment - Date.now());
}

function attemptPath({ round, attempt }: Attempt): string {
  return `/rounds/${round}/${attempt}`;
}
