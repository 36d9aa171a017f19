import type {
  AveragePoolOperation,
  MaxPoolOperation,
} from "../../../../protocol/model/operations/pooling.ts";
import { zeros, type Tensor } from "./reference-operations.ts";

/** Poolings and their gradients in float64, window by window. */

type Shape4D = [number, number, number, number];
type Sliding = Pick<MaxPoolOperation, "kernel" | "stride" | "padding">;

/** Calls `visit(y, xs)` with the flat index of every output, and those of its window's values, row by row. */
function eachWindow(
  xShape: readonly number[],
  yShape: readonly number[],
  [firstRow, endRow]: Bounds,
  [firstColumn, endColumn]: Bounds,
  visit: (y: number, xs: readonly number[]) => void,
): void {
  const [images, height, width, channels] = xShape as Shape4D;
  const [, rows, columns] = yShape as Shape4D;
  for (let n = 0; n < images; n++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        for (let c = 0; c < channels; c++) {
          const xs: number[] = [];
          for (let h = firstRow(row); h < endRow(row); h++) {
            for (let w = firstColumn(column); w < endColumn(column); w++) {
              if (h < 0 || h >= height || w < 0 || w >= width) continue;
              xs.push(((n * height + h) * width + w) * channels + c);
            }
          }
          visit(((n * rows + row) * columns + column) * channels + c, xs);
        }
      }
    }
  }
}

/** First position of window i, and the one behind its last. */
type Bounds = readonly [first: (window: number) => number, end: (window: number) => number];

function slidingBounds({ kernel, stride, padding }: Sliding): [Bounds, Bounds] {
  const along = (axis: 0 | 1, before: number): Bounds => [
    (window) => window * stride[axis] - before,
    (window) => window * stride[axis] - before + kernel[axis],
  ];
  return [along(0, padding.top), along(1, padding.left)];
}

function sharedBounds(positions: number, windows: number): Bounds {
  return [
    (window) => Math.floor((window * positions) / windows),
    (window) => Math.ceil(((window + 1) * positions) / windows),
  ];
}

function pooledShape(
  [n, height, width, channels]: readonly number[],
  { kernel, stride, padding }: Sliding,
): Shape4D {
  const { top, bottom, left, right } = padding;
  return [
    n!,
    Math.floor((height! + top + bottom - kernel[0]) / stride[0]) + 1,
    Math.floor((width! + left + right - kernel[1]) / stride[1]) + 1,
    channels!,
  ];
}

/** The first of the largest. */
function firstLargest({ values }: Tensor, xs: readonly number[]): number {
  return xs.reduce((best, x) => (values[x]! > values[best]! ? x : best));
}

/**
 * The largest of every window, and the smallest lead that one has over the others: but for zeros, which
 * are zeros in every precision.
 */
export function maxPool(x: Tensor, operation: MaxPoolOperation): { y: Tensor; lead: number } {
  const y = zeros(pooledShape(x.shape, operation));
  let lead = Infinity;
  eachWindow(x.shape, y.shape, ...slidingBounds(operation), (i, xs) => {
    const best = firstLargest(x, xs);
    y.values[i] = x.values[best]!;
    for (const other of xs) {
      if (other === best || (x.values[other] === 0 && x.values[best] === 0)) continue;
      lead = Math.min(lead, x.values[best]! - x.values[other]!);
    }
  });
  return { y, lead };
}

export function maxPoolBackward(dy: Tensor, x: Tensor, operation: MaxPoolOperation): Tensor {
  const dx = zeros(x.shape);
  eachWindow(x.shape, dy.shape, ...slidingBounds(operation), (i, xs) => {
    dx.values[firstLargest(x, xs)]! += dy.values[i]!;
  });
  return dx;
}

export function windowMeans(x: Tensor, operation: AveragePoolOperation): Tensor {
  const y = zeros(pooledShape(x.shape, operation));
  const [height, width] = operation.kernel;
  eachWindow(x.shape, y.shape, ...slidingBounds(operation), (i, xs) => {
    const count = operation.countsPadding ? height * width : xs.length;
    for (const from of xs) y.values[i]! += x.values[from]! / count;
  });
  return y;
}

export function windowMeansBackward(
  dy: Tensor,
  shape: readonly number[],
  operation: AveragePoolOperation,
): Tensor {
  const dx = zeros(shape);
  const [height, width] = operation.kernel;
  eachWindow(shape, dy.shape, ...slidingBounds(operation), (i, xs) => {
    const count = operation.countsPadding ? height * width : xs.length;
    for (const to of xs) dx.values[to]! += dy.values[i]! / count;
  });
  return dx;
}

/** Means of windows that share a map out. */
export function sharedMeans(x: Tensor, [rows, columns]: readonly [number, number]): Tensor {
  const [n, height, width, channels] = x.shape as Shape4D;
  const y = zeros([n, rows, columns, channels]);
  const bounds = [sharedBounds(height, rows), sharedBounds(width, columns)] as const;
  eachWindow(x.shape, y.shape, ...bounds, (i, xs) => {
    for (const from of xs) y.values[i]! += x.values[from]! / xs.length;
  });
  return y;
}

export function sharedMeansBackward(dy: Tensor, shape: readonly number[]): Tensor {
  const [, height, width] = shape as Shape4D;
  const [, rows, columns] = dy.shape as Shape4D;
  const dx = zeros(shape);
  const bounds = [sharedBounds(height, rows), sharedBounds(width, columns)] as const;
  eachWindow(shape, dy.shape, ...bounds, (i, xs) => {
    for (const to of xs) dx.values[to]! += dy.values[i]! / xs.length;
  });
  return dx;
}
