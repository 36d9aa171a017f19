import type { Comparison, StepResult } from "../engine.ts";
import { EngineError } from "../engine-error.ts";
import { OVERFLOWS_AT, RESULT_LENGTH, RING } from "./wgsl/results.ts";

/** Σ loss and the number of images that agree. */
export interface DeviceResult extends Comparison {
  /** Of perturbed copies; whatever was there where a step has none. */
  readonly copies: Comparison;
  /** Whether a half could not hold a value. */
  readonly overflowed: boolean;
}

/** The entries of the ring, from the buffer of results. */
export function resultsOf(words: Float32Array): DeviceResult[] {
  return Array.from({ length: RING }, (_, slot) => ({
    loss: words[slot * RESULT_LENGTH]!,
    agreement: words[slot * RESULT_LENGTH + 1]!,
    copies: {
      loss: words[slot * RESULT_LENGTH + 2]!,
      agreement: words[slot * RESULT_LENGTH + 3]!,
    },
    overflowed: words[OVERFLOWS_AT + slot] !== 0,
  }));
}

/** @throws EngineError `device-failed` when a half could not hold a value. */
export function checkRange({ overflowed }: Pick<DeviceResult, "overflowed">): void {
  if (!overflowed) return;
  throw new EngineError(
    "device-failed",
    "an activation or its gradient is beyond 65504, the largest value of half precision; " +
      "use precision f32",
  );
}

/** A step's result, of sums over its images and copies. */
export function meanOf(sums: DeviceResult, images: number, copies: number): StepResult {
  const result = divided(sums, images);
  return copies === 0 ? result : { ...result, adversary: divided(sums.copies, copies) };
}

function divided({ loss, agreement }: Comparison, count: number): Comparison {
  return { loss: loss / count, agreement: agreement / count };
}
