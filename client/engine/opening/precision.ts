import type { Precision } from "../program/operands.ts";

/** How the WebGPU backend stores activations; `auto`: as halves where they pass its gate. */
export type PrecisionChoice = Precision | "auto";

export const PRECISION_CHOICES: readonly PrecisionChoice[] = ["f32", "f16", "auto"];

/** What came of trying halves against float32. */
export type PrecisionTrial =
  | {
      readonly chosen: Precision;
      /** Relative L2 difference of one gradient computed in halves from that in float32. */
      readonly gradientError: number;
      /** Images/s with halves by those with float32. */
      readonly speedup: number;
    }
  | { readonly chosen: "f32"; readonly refusal: string };
