import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Kernel } from "../../program/kernels/kernels.ts";
import type { Operand } from "../../program/operands.ts";
import type { CodeLibrary } from "../code/code-library.ts";

/**
 * What a program becomes: stages that follow each other, each a list of tasks in any order, by any
 * thread. Which tasks there are never depends on the number of threads, and no two tasks of a stage
 * write the same memory: results are the same bits for any number of threads.
 */

/** A call of a generated function: its number, then its arguments after the thread's scratch. */
export type Call = readonly [code: number, ...values: number[]];

/** Calls that one thread makes in order. */
export type Task = readonly Call[];

export type ParallelStage = readonly Task[];

/** A convolution's: weights are packed, then used. */
export interface PackedStages {
  readonly packing: ParallelStage;
  readonly convolving: ParallelStage;
}

/** What plans need to know of where they will run. */
export interface Site {
  readonly library: CodeLibrary;
  /** Byte address of an operand. */
  address(operand: Operand): number;
  /** Byte address of a kernel's packed weights. */
  packedWeights(kernel: Kernel): number;
  /** Makes sure that each thread has so much scratch. */
  needScratch(bytes: number): void;
  /** G, of the kernel's pass. */
  readonly groupSize: number;
  /** P */
  readonly groups: number;
}

/** Rows of a partial sum in float32: short enough to lose nothing that matters. */
export const RUN_ROWS = 256;

/** Images of one norm group that a task takes together. */
export interface ImageBlock {
  readonly group: number;
  /** First image, of the micro-batch. */
  readonly image: number;
  readonly count: number;
  /** First partial sum of the norm group. */
  readonly part: number;
}

/** A norm group's images or rows, and those of copies by themselves where there are any. */
export interface GroupPart {
  readonly first: number;
  readonly count: number;
  readonly clean: boolean;
}

/**
 * Cuts a norm group where its copies begin, so that what is clean is worked on, and summed, in the
 * same pieces as without copies.
 */
export function groupParts(count: number, clean: number): readonly GroupPart[] {
  const own = { first: 0, count: clean, clean: true };
  return clean === count ? [own] : [own, { first: clean, count: count - clean, clean: false }];
}

/**
 * Cuts a micro-batch into blocks of about `RUN_ROWS` positions, or single images.
 *
 * @param clean images of each norm group that are not copies; all when left out
 */
export function imageBlocks(
  { groupSize, groups }: Pick<Site, "groupSize" | "groups">,
  positions: number,
  clean = groupSize,
): readonly (ImageBlock & Pick<GroupPart, "clean">)[] {
  const parts = groupParts(groupSize, clean);
  const blocks: (ImageBlock & Pick<GroupPart, "clean">)[] = [];
  for (let group = 0; group < groups; group++) {
    for (const { first, count, clean: isClean } of parts) {
      const size = blockSize(count, positions);
      const runs = Math.ceil((size * positions) / RUN_ROWS);
      for (let at = 0, part = 0; at < count; at += size, part += runs) {
        blocks.push({
          group,
          image: group * groupSize + first + at,
          count: Math.min(size, count - at),
          part,
          clean: isClean,
        });
      }
    }
  }
  return blocks;
}

/** Partial sums of a norm group that is cut into `imageBlocks`. */
export function blockParts(groupSize: number, positions: number): number {
  const size = blockSize(groupSize, positions);
  return Math.ceil(groupSize / size) * Math.ceil((size * positions) / RUN_ROWS);
}

function blockSize(groupSize: number, positions: number): number {
  return Math.min(groupSize, Math.max(1, Math.floor(RUN_ROWS / positions)));
}

/** Output channels of a task, where a convolution has many. */
const SLICE_CHANNELS = 64;

/** Number of equal slices that a convolution's `channels` channels are cut into. */
export function channelSlices({ groups }: ConvGeometry, channels: number): number {
  const many = groups === 1 && channels >= 2 * SLICE_CHANNELS && channels % SLICE_CHANNELS === 0;
  return many ? channels / SLICE_CHANNELS : 1;
}
