/** Why an engine could not be opened or used. */
export type EngineErrorCode =
  /** The backend asked for (or, for `auto`, every backend) is not to be had here. */
  | "backend-unavailable"
  /** The graph, state vector or batch does not fit what the session was opened for. */
  | "invalid-input"
  /** The device went away, ran out of memory or refused to compute. */
  | "device-failed"
  /** The model's steps need more memory than there is, however they are cut. */
  | "too-large"
  /** A student's losses or answers are not finite: the student may be broken, or the device. */
  | "not-finite"
  /** The session or engine was closed. */
  | "closed";

/** The one error of the engine; `message` tells the reader what is wrong and what to do next. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
