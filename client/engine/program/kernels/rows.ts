import type { Activation } from "../../../../protocol/model/graph.ts";
import type { Operand, Reading, StatisticsSums } from "../operands.ts";
import { epilogueReads, type GradientEpilogue } from "./gradient-epilogue.ts";
import { operandsOf, pairs, present, sumsOf, type KernelDescription } from "./kernel.ts";

/** Passes over `[rows, channels]` memory that several operations are made of, see `program.ts`. */

/** y = f(x + addend), f an activation or none, each read as it is or normalised. `rows` = positions of all images. */
export interface CombineKernel {
  readonly kind: "combine";
  readonly rows: number;
  readonly channels: number;
  readonly x: Reading;
  readonly addend: Reading | undefined;
  readonly activation: Activation | undefined;
  /** May be the memory of either input. Undefined: only sums are wanted. */
  readonly y: Operand | undefined;
  /** Where a batch norm reads y. */
  readonly sums: StatisticsSums | undefined;
}

export const combine: KernelDescription<CombineKernel> = {
  access: ({ x, addend, y, sums }) => ({
    reads: [...operandsOf(x), ...operandsOf(addend)],
    writes: [...present(y), ...sumsOf(sums)],
    inPlace: pairs(y, x.values, addend?.values),
  }),
  flops: ({ rows, channels }) => 2 * rows * channels,
  shapes: ({ rows, channels }) => `[${rows},${channels}]`,
};

/**
 * g = epilogue(dy): what an input gradient's epilogue does, standing alone. `dy` of one value per
 * image and channel (`broadcast`) is the gradient of a mean over positions, divided by their number.
 */
export interface GatherGradientKernel {
  readonly kind: "gather-gradient";
  readonly rows: number;
  readonly channels: number;
  /** Positions of an image. */
  readonly positions: number;
  readonly dy: Operand;
  readonly broadcast: boolean;
  /** May be the memory of `dy` unless broadcast. Undefined: only sums are wanted. */
  readonly g: Operand | undefined;
  readonly epilogue: GradientEpilogue;
}

export const gatherGradient: KernelDescription<GatherGradientKernel> = {
  access: ({ dy, broadcast, g, epilogue }) => ({
    reads: [dy, ...epilogueReads(epilogue)],
    writes: [...present(g), ...sumsOf(epilogue.sums)],
    inPlace: pairs(g, broadcast ? undefined : dy, epilogue.addend),
  }),
  flops: ({ rows, channels }) => 2 * rows * channels,
  shapes: ({ rows, channels }) => `[${rows},${channels}]`,
};
