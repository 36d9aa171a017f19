import { expect } from "vitest";
import { ProtocolError, type ProblemCode } from "../../../protocol/errors.ts";

/** Runs `action`, which must throw a ProtocolError with this code, and returns its message. */
export function problem(code: ProblemCode, action: () => unknown): string {
  let error: unknown;
  try {
    action();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ProtocolError);
  expect((error as ProtocolError).code, (error as ProtocolError).message).toBe(code);
  return (error as ProtocolError).message;
}

/** As `problem`, for what comes later. */
export async function refusal(code: ProblemCode, answer: Promise<unknown>): Promise<string> {
  const settled = await Promise.allSettled([answer]);
  return problem(code, () => {
    if (settled[0].status === "rejected") throw settled[0].reason;
  });
}
