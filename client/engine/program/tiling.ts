import type { ConvGeometry } from "./kernels/convolution.ts";
import type { DepthwiseGeometry } from "./kernels/depthwise.ts";

/** How a backend cuts long sums; decides how much workspace a program has. */
export interface Tiling {
  /**
   * Runs that a convolution cuts the output positions of one norm group's clean images into for its
   * channel sums.
   */
  convolveParts(geometry: ConvGeometry, cleanImages: number): number;
  /** Runs that an input gradient cuts one norm group's input positions into. */
  inputGradientParts(geometry: ConvGeometry, groupSize: number): number;
  /** Runs that a pass over `rows` positions of one norm group is cut into. */
  rowParts(rows: number, channels: number): number;
  /** Runs of one norm group's output positions that a filter gradient is summed by. */
  filterParts(geometry: ConvGeometry, groupSize: number): number;
  readonly depthwise: DepthwiseTiling;
}

/** The same of depthwise convolutions. */
interface DepthwiseTiling {
  forwardParts(geometry: DepthwiseGeometry, cleanImages: number): number;
  inputGradientParts(geometry: DepthwiseGeometry, groupSize: number): number;
  filterParts(geometry: DepthwiseGeometry, groupSize: number): number;
}
