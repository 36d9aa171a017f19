import { ProtocolError, type ProblemCode } from "../protocol/errors.ts";

/**
 * A result that crosses from one object to another. Errors thrown across lose their class and their
 * fields on the way, so refusals travel as values.
 */
export type Outcome<T> = { readonly ok: true; readonly value: T } | Refusal;

interface Refusal {
  readonly ok: false;
  readonly code: ProblemCode;
  readonly detail: string;
  /** The error's extensions as JSON. */
  readonly extensions: string;
}

/** Runs `work`; a ProtocolError becomes a value, anything else is thrown on. */
export async function outcomeOf<T>(work: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return {
      ok: false,
      code: error.code,
      detail: error.message,
      extensions: JSON.stringify(error.extensions),
    };
  }
}

/** The error of a refusal. */
export function errorOf({ code, detail, extensions }: Refusal): ProtocolError {
  return new ProtocolError(code, detail, JSON.parse(extensions) as Record<string, unknown>);
}

/** The value of an outcome, or its error thrown again. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw errorOf(outcome);
}
