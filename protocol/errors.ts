import { cleanText } from "./text.ts";

/**
 * What can go wrong between a coordinator and those who talk to it, by stable code.
 *
 * On the wire an error is RFC 9457 `application/problem+json` with type
 * `urn:scour:problem:<code>` and the status given here. Decoders of this package throw the same
 * error, so a bad file is named alike by the coordinator, the command line and the tab.
 */
export const PROBLEMS = {
  // The caller's input.
  "malformed-request": { status: 400, title: "The request is malformed" },
  unauthenticated: { status: 401, title: "A valid token is needed" },
  "credential-expired": { status: 401, title: "The credential has expired" },
  forbidden: { status: 403, title: "This token does not permit that" },
  "participant-revoked": { status: 403, title: "This participant was removed from the campaign" },
  "bad-signature": { status: 403, title: "The signature is missing or does not hold" },
  "unsafe-sum": { status: 403, title: "This sum would show what one participant gave" },
  "not-found": { status: 404, title: "There is no such thing here" },
  "method-not-allowed": { status: 405, title: "This address does not take that method" },
  "request-timeout": { status: 408, title: "The request took too long to come" },
  "campaign-state": { status: 409, title: "The campaign is in another state" },
  "stale-round": { status: 409, title: "The round is no longer open" },
  "update-conflict": { status: 409, title: "Another update was already stored here" },
  "incomplete-update": { status: 409, title: "Slices of the update are missing" },
  "incomplete-upload": { status: 409, title: "Parts of the upload are missing" },
  "invite-expired": { status: 410, title: "The invite has expired" },
  "invite-revoked": { status: 410, title: "The invite was revoked" },
  "invite-exhausted": { status: 410, title: "The invite has no uses left" },
  "campaign-ended": { status: 410, title: "The campaign has ended" },
  "length-required": { status: 411, title: "Content-Length is required" },
  "payload-too-large": { status: 413, title: "The body is too large" },
  "range-not-satisfiable": { status: 416, title: "The range lies outside the blob" },
  "malformed-model": { status: 422, title: "The model file is malformed" },
  "unsupported-model": { status: 422, title: "The model is not one that Scour can cleanse" },
  "unsafe-model": { status: 422, title: "Opening the model file elsewhere may run code" },
  "non-finite-weights": { status: 422, title: "The model holds values that are not finite" },
  "digest-mismatch": { status: 422, title: "The bytes do not match their digest" },
  "length-mismatch": { status: 422, title: "The body has another length than expected" },
  "malformed-update": { status: 422, title: "The update is malformed" },
  "unsupported-version": { status: 426, title: "This protocol version is not spoken here" },
  "quota-exceeded": { status: 429, title: "The participant's quota is used up" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  "headers-too-large": { status: 431, title: "The request's headers are too large" },
  // Our fault.
  internal: { status: 500, title: "The coordinator failed" },
  "stored-by-later-version": {
    status: 503,
    title: "The campaign was stored by a later version of the coordinator",
  },
  "not-configured": { status: 503, title: "The coordinator is not configured" },
  unavailable: { status: 503, title: "The coordinator is not up at the moment" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

const TYPE_PREFIX = "urn:scour:problem:";

/** RFC 9457 problem details. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly [extension: string]: unknown;
}

/** The one error of this package; `message` tells the reader what is wrong, where, and what next. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  readonly code: ProblemCode;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(
    code: ProblemCode,
    detail: string,
    extensions: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.code = code;
    this.extensions = extensions;
  }

  get status(): number {
    return PROBLEMS[this.code].status;
  }

  toProblem(): Problem {
    return {
      ...this.extensions,
      type: TYPE_PREFIX + this.code,
      title: PROBLEMS[this.code].title,
      status: this.status,
      detail: this.message,
    };
  }

  /** Reads a problem document back; undefined when `body` is not one of ours. */
  static fromProblem(body: unknown): ProtocolError | undefined {
    if (typeof body !== "object" || body === null) return undefined;
    const {
      type,
      title: _title,
      status: _status,
      detail,
      ...extensions
    } = body as Partial<Problem>;
    if (typeof type !== "string" || !type.startsWith(TYPE_PREFIX)) return undefined;
    const code = type.slice(TYPE_PREFIX.length);
    if (!Object.hasOwn(PROBLEMS, code)) return undefined;
    return new ProtocolError(code as ProblemCode, cleanText(String(detail ?? "")), extensions);
  }
}
