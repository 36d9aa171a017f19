import type { ConvolutionRates } from "./contestant.ts";
import type { CaseSize } from "./distillation-case.ts";
import type { GpuCounters } from "./gpu-counters.ts";
import type { NodeEngine } from "./open-contestant.ts";

/** What a contestant's process is asked; one answer each, in order. */
export type Request =
  | ({ readonly kind: "open"; readonly engine: NodeEngine; readonly threads: number } & CaseSize)
  /** Take so many steps more and wait for them. */
  | { readonly kind: "run"; readonly steps: number }
  | { readonly kind: "convolutions" };

export type Answer =
  | { readonly kind: "opened"; readonly adapter?: string | undefined }
  | ({ readonly kind: "ran" } & Run)
  | { readonly kind: "convolutions"; readonly rates?: ConvolutionRates | undefined }
  | { readonly kind: "failed"; readonly message: string };

/** A few steps, from the first one's beginning until the last one's loss was read. */
export interface Run {
  readonly seconds: number;
  /** Of each step. */
  readonly losses: readonly number[];
  /** Most memory that the process has taken so far. */
  readonly peakBytes: number;
  /** Calls a step, those that read the losses left out; undefined without a GPU. */
  readonly perStep?: GpuCounters | undefined;
  /** Buffers mapped, the reading of the losses included. */
  readonly maps?: number | undefined;
}
