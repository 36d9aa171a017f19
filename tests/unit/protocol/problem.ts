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
