import { allParts, partsOf, type Expression } from "../loops/expression.ts";
import { axisIndex, multipleOf, sumOf, type IndexForm } from "../loops/index-form.ts";
import type { Operand } from "../operands.ts";
import type { KernelDescription } from "./kernel.ts";

/**
 * Loops over the places of an output, each value by itself: what needs no kernel of its own, since
 * every machine writes code for any of these. `loops/loop-writer.ts` says how one is written.
 */
export interface LoopsKernel {
  readonly kind: "loops";
  /** For people: what it does. */
  readonly label: string;
  /** Of the output, row-major: the last axis is contiguous. */
  readonly extents: readonly number[];
  readonly reduction: Reduction | undefined;
  /** What is written, over the output's axes. */
  readonly value: Expression;
  /** Each once. */
  readonly reads: readonly Operand[];
  readonly output: Operand;
  /** Whether the reduction, a sum, starts from what the output holds. */
  readonly accumulates: boolean;
}

/** Terms put together in the order of the loops, row-major. */
export interface Reduction {
  /** Axes behind the output's. */
  readonly extents: readonly number[];
  /** `arg-max`: which of the terms is the largest, the first where several are. */
  readonly by: "sum" | "max" | "arg-max";
  readonly of: Expression;
}

export const loops: KernelDescription<LoopsKernel> = {
  access: ({ reads, output, accumulates, reduction, value, extents }) => ({
    reads: accumulates ? [...reads, output] : reads,
    writes: [output],
    inPlace: reads
      .filter((_, from) => isReadInPlace(from, extents, value, reduction))
      .map((read) => [output, read] as const),
  }),
  flops({ extents, reduction, value }) {
    const terms = reduction ? sizeOf(reduction.extents) * (1 + stepsOf(reduction.of)) : 0;
    return sizeOf(extents) * (terms + stepsOf(value));
  },
  shapes: ({ label, extents, reduction }) =>
    `${label} [${extents.join(",")}]${reduction ? ` of [${reduction.extents.join(",")}]` : ""}`,
};

export function sizeOf(extents: readonly number[]): number {
  return extents.reduce((product, extent) => product * extent, 1);
}

/** Where a tensor of these extents has the value at some place along each. */
export function rowMajor(extents: readonly number[], at: readonly IndexForm[]): IndexForm {
  let pitch = 1;
  const terms = extents.toReversed().map((extent, i) => {
    const term = multipleOf(at.at(-1 - i)!, pitch);
    pitch *= extent;
    return term;
  });
  return sumOf(...terms);
}

/** Where the output has the value of the loops' place. */
export function outputIndex({ extents }: Pick<LoopsKernel, "extents">): IndexForm {
  return rowMajor(
    extents,
    extents.map((_, axis) => axisIndex(axis)),
  );
}

/** Whether an operand is only read where the output is about to be written. */
function isReadInPlace(
  from: number,
  extents: readonly number[],
  value: Expression,
  reduction: Reduction | undefined,
): boolean {
  const isLoad = (part: Expression): part is Expression & { kind: "load" } =>
    part.kind === "load" && part.from === from;
  if (reduction && allParts(reduction.of).some(isLoad)) return false;
  const here = JSON.stringify(outputIndex({ extents }));
  return allParts(value)
    .filter(isLoad)
    .every(({ at }) => JSON.stringify(at) === here);
}

/** Operations on values: what is no leaf. */
function stepsOf(expression: Expression): number {
  return allParts(expression).filter((part) => partsOf(part).length > 0).length;
}
