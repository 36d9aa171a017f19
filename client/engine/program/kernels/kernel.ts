import type { Operand, PartialSums, Reading } from "../operands.ts";

/** A kernel besides its meaning, which its type tells: for memory, and for people. */
export interface KernelDescription<K> {
  /** What it reads and writes; each operand once. */
  access(kernel: K): Access;
  /** Multiplications and additions. */
  flops(kernel: K): number;
  /** For people. */
  shapes(kernel: K): string;
}

/** Memory a kernel touches. What is added to counts as read and written. */
export interface Access {
  readonly reads: readonly Operand[];
  readonly writes: readonly Operand[];
  /** Output and input that may be the same memory. */
  readonly inPlace: readonly (readonly [output: Operand, input: Operand])[];
}

type Maybe<T> = T | undefined;

export function present(...operands: readonly Maybe<Operand>[]): Operand[] {
  return operands.filter((operand) => operand !== undefined);
}

export function operandsOf(value: Maybe<Reading>): Operand[] {
  return present(value?.values, value?.affine?.coefficients);
}

export function sumsOf(sums: Maybe<PartialSums>): Operand[] {
  return present(sums?.operand);
}

export function pairs(
  output: Maybe<Operand>,
  ...inputs: readonly Maybe<Operand>[]
): Access["inPlace"] {
  if (output === undefined) return [];
  return present(...inputs).map((input) => [output, input] as const);
}
