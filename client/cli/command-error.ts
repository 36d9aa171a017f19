/** A failure of a command that its caller can do something about; printed without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What to do next; a sentence. */
  readonly advice: string | undefined;
  /** Of the process, where it tells scripts more than that something failed. */
  readonly exitCode: number | undefined;

  constructor(
    message: string,
    advice?: string,
    { exitCode, ...options }: ErrorOptions & { readonly exitCode?: number } = {},
  ) {
    super(message, options);
    this.advice = advice;
    this.exitCode = exitCode;
  }
}
