import type { ProgramMode } from "../program/compile.ts";
import type { AdversaryRequest } from "./batch-passes.ts";
import type { InputLayout } from "./wgsl/input-layout.ts";

/** What one call wants run. */
export interface ExecutableRequest {
  readonly mode: ProgramMode;
  /** N, images of the batch. */
  readonly size: number;
  readonly groupSize: number;
  readonly input: InputLayout["kind"];
  /** Of `distil` only, like the two that follow. */
  readonly adversary?: AdversaryRequest | undefined;
  readonly sharpens?: boolean | undefined;
  /** Whether linear layers turn away from the teacher's. */
  readonly shiftsHead?: boolean | undefined;
  /** What comes after the gradient: an SGD step, or + λ·θ. */
  readonly finish: "descend" | "decay" | undefined;
}
