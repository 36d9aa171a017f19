/** How a request failed without an answer of the coordinator's own. Every kind may pass by itself. */
export type ConnectionErrorKind =
  /** No connection, or it broke before the answer. */
  | "unreachable"
  /** The answer broke off. */
  | "interrupted"
  /** No answer within the time a request may take. */
  | "timed-out"
  /** Something in between answered 408, 429 or 5xx. */
  | "unavailable";

export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly kind: ConnectionErrorKind;
  /** What a `Retry-After` header asked for. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ConnectionErrorKind,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.kind = kind;
    this.retryAfterMs = options.retryAfterMs;
  }
}
