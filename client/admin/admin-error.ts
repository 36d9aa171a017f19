import type { ProblemCode, ProtocolError } from "../../protocol/errors.ts";

/** A call of the admin API that failed; `message` and `advice` are meant for the caller's eyes. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  /** What to do next; a sentence. */
  readonly advice: string | undefined;
  /** The coordinator's problem code; undefined when it did not answer, or not as one. */
  readonly code: ProblemCode | undefined;

  constructor(
    message: string,
    advice?: string,
    options: ErrorOptions & { readonly code?: ProblemCode } = {},
  ) {
    super(message, options);
    this.advice = advice;
    this.code = options.code;
  }

  /** Whether it may pass by itself: nobody answered, or a restart or too much at once was told. */
  get isPassing(): boolean {
    return (
      this.code === undefined ||
      this.code === "unavailable" ||
      this.code === "too-many-requests" ||
      this.code === "request-timeout"
    );
  }

  static fromProblem(problem: ProtocolError): AdminError {
    return new AdminError(problem.message, ADVICE[problem.code], {
      cause: problem,
      code: problem.code,
    });
  }
}

/** Where the coordinator's own words cannot know what the caller should type. */
const ADVICE: { readonly [Code in ProblemCode]?: string } = {
  unauthenticated: "Set SCOUR_ADMIN_TOKEN to the admin token of this coordinator.",
  forbidden: "Use the admin token; invites and participants' credentials do not administer.",
  "not-found": "`campaign list` shows what there is.",
};
