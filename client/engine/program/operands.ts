import type { Activation } from "../../../protocol/model/graph.ts";

/** Memory of a program, and how kernels read and write it. */

/**
 * How activations and their gradients are stored. Arithmetic, sums, statistics, parameters and their
 * gradients are float32 either way.
 */
export type Precision = "f32" | "f16";

/** A piece of memory: `length` values from `offset` in a region. */
export interface Operand {
  readonly region: Region;
  /** In values. */
  readonly offset: number;
  /** In values. */
  readonly length: number;
}

/**
 * - `arena`: activations and workspaces, reused within a step by liveness.
 * - `halves`: activations in binary16, likewise; only whole runs of four channels are written.
 * - `student`: the student's state in device layout, in the order of the state vector.
 * - `gradient`: gradient of the trainable section, same layout.
 * - `teacher`: the teacher's values as `teacherLayout` lists them (batch norms folded in).
 */
export type Region = "arena" | "halves" | "student" | "gradient" | "teacher";

/** Bytes of so many values of a region. */
export function bytesIn(region: Region, values: number): number {
  return (region === "halves" ? 2 : 4) * values;
}

/** f(x·scale + shift), f an activation or none, per channel and norm group: how a normalised value is read, not stored. */
export interface Affine {
  /** `[P, 2, C]`: scale, then shift; or `[1, 2, C]` for all groups alike. */
  readonly coefficients: Operand;
  /** Whether all groups share them. */
  readonly common: boolean;
  readonly activation: Activation | undefined;
}

/** A value as a kernel reads it: what is stored, or a batch norm of what is stored. */
export interface Reading {
  /** `[N, H, W, C]` */
  readonly values: Operand;
  readonly affine: Affine | undefined;
}

/**
 * Where partial channel sums go: `[P, parts, 2, C]`, of each norm group's rows (positions of its
 * images, in order) cut into `parts` runs. How rows are cut is the backend's affair.
 */
export interface PartialSums {
  readonly operand: Operand;
  readonly parts: number;
}

/** Σy and Σy² for a batch norm's statistics: over clean images, and over no copies of them. */
export interface StatisticsSums extends PartialSums {
  /** Of each norm group: its first rows, which are summed. */
  readonly cleanRows: number;
}
