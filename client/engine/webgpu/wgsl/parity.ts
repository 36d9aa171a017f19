import type { ConvGeometry } from "../../program/kernels/convolution.ts";

/**
 * Input positions of one axis that meet the same kernel rows: those with (i + padding) mod stride =
 * `first`. To them a strided convolution's input gradient is a dense convolution with every
 * stride-th kernel row.
 */
interface Parity {
  /** First kernel row. */
  readonly first: number;
  /** Kernel rows. */
  readonly taps: number;
  /** First position; the others follow by `stride`. */
  readonly start: number;
  readonly count: number;
  /** Output position that the first kernel row brings to the first input position. */
  readonly origin: number;
}

function paritiesOf(size: number, kernel: number, stride: number, padding: number): Parity[] {
  return Array.from({ length: stride }, (_, first) => {
    const start = (((first - padding) % stride) + stride) % stride;
    return {
      first,
      taps: Math.max(0, Math.ceil((kernel - first) / stride)),
      start,
      count: Math.max(0, Math.ceil((size - start) / stride)),
      origin: (start + padding - first) / stride,
    };
  });
}

/** Input positions that are worked on together. */
export interface ParityClass {
  readonly y: Parity;
  readonly x: Parity;
  /** Rows of the matrix product in one norm group. */
  readonly rows: number;
}

/** Classes of input positions that are not empty. */
export function parityClasses(geometry: ConvGeometry, groupSize: number): ParityClass[] {
  const { inputHeight, inputWidth, kernelHeight, kernelWidth, stride, padding } = geometry;
  const ys = paritiesOf(inputHeight, kernelHeight, stride, padding);
  const xs = paritiesOf(inputWidth, kernelWidth, stride, padding);
  return ys
    .flatMap((y) => xs.map((x) => ({ y, x, rows: groupSize * y.count * x.count })))
    .filter(({ rows }) => rows > 0);
}
