import type { Call, ImageBlock, Task } from "./stage.ts";

/** How a convolution, or the one that its input gradient is, gets done. */
export interface Convolver {
  /** Equal slices of the output's channels, for tasks of their own. */
  readonly slices: number;
  /** What must have been done before: weights brought into the kernel's packed memory. */
  readonly packing: readonly Task[];
  /**
   * Calls that convolve a block of images, one slice of the output's channels.
   *
   * @param accumulate whether to add to what the output holds.
   */
  convolving(block: ImageBlock, slice: number, accumulate: boolean): Call[];
}
