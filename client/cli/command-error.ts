/** A failure of a command that its caller can do something about; printed without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What to do next; a sentence. */
  readonly advice: string | undefined;

  constructor(message: string, advice?: string, options?: ErrorOptions) {
    super(message, options);
    this.advice = advice;
  }
}
