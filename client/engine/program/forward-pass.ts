import type { ValueId } from "../../../protocol/model/graph.ts";
import type { NormStep, TrainingStep } from "./plan.ts";
import type { Operand, Reading } from "./operands.ts";

/** What the backward pass needs to know of a batch norm's forward pass. */
export type NormRecord =
  | {
      readonly statistics: "batch";
      /** x̂·scale + shift of z, the norm's input, before anything else. */
      readonly normalised: Reading;
      /** `[P, 2, C]`: mean, inverse standard deviation. */
      readonly saved: Operand;
      /** Values per channel and group, of clean images. */
      readonly count: number;
    }
  | {
      readonly statistics: "running";
      readonly normalised: Reading;
      /** `[1, 2, C]`: scale, 0. */
      readonly slopes: Operand;
    };

/** What a norm took of each image by itself: one number a run of values. */
export interface RunMoments {
  readonly mean: Operand;
  /** 1/√(σ² + ε) */
  readonly inverse: Operand;
}

/**
 * Where batch norms take their statistics from: the batch, with running statistics advancing or
 * not; or, in evaluation mode, the running ones. `measure`: the running ones too, which each norm
 * then gives up for those of the batch.
 */
export type NormMode = "advance" | "observe" | "running" | "measure";

export interface ForwardPass {
  readonly steps: readonly TrainingStep[];
  readonly logits: Operand;
  /** How readers see a value. */
  readonly readings: ReadonlyMap<ValueId, Reading>;
  readonly norms: ReadonlyMap<NormStep, NormRecord>;
  /** Of norms that take them of each image, by the value they give. */
  readonly moments: ReadonlyMap<ValueId, RunMoments>;
  /** Step that gives a value. */
  readonly producers: ReadonlyMap<ValueId, TrainingStep>;
}
