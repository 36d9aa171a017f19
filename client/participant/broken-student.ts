import { ProtocolError } from "../../protocol/errors.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import type { FoundBroken } from "../../protocol/round/refusal.ts";
import { EngineError } from "../engine/engine-error.ts";
import type { LocalTrainer } from "./local-trainer.ts";

/** Whether a student's values alone say that it is broken: not finite, or a negative variance. */
export function hasBrokenValues(student: Float32Array, { entries }: StateLayout): boolean {
  if (!student.every(Number.isFinite)) return true;
  return entries
    .filter(({ role }) => role === "running-variance")
    .some(({ offset, size }) => student.subarray(offset, offset + size).some((value) => value < 0));
}

/**
 * What a failure at a round's work says of the student that was worked with (SPEC J12). A device that
 * fails says nothing of it: the student is asked again, beside the teacher.
 *
 * @returns undefined where it is not the student's fault.
 */
export async function foundBroken(
  error: unknown,
  student: Float32Array<ArrayBuffer>,
  trainer: Pick<LocalTrainer, "examine">,
): Promise<FoundBroken | undefined> {
  if (error instanceof ProtocolError && error.code === "malformed-update") return "update";
  if (!(error instanceof EngineError)) return undefined;
  try {
    switch (await trainer.examine(student)) {
      case "student":
        return "answers";
      case "neither":
        return error.code === "not-finite" ? "loss" : undefined;
      case "teacher":
        return undefined;
    }
  } catch {
    // The device does not even answer to this: what failed first is to be told.
    return undefined;
  }
}
