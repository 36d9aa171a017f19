import type { Pair, Sides, ValueShape } from "./values.ts";

/**
 * Padding that TensorFlow calls `same`: ⌈size/stride⌉ windows along each side, what is odd of it below
 * and to the right.
 *
 * @param shape of the map that is read
 */
export function samePadding(shape: ValueShape, kernel: Pair, stride: number): Sides {
  const [height, width] = shape as [number, number, number];
  const total = (size: number, axis: 0 | 1): number =>
    Math.max((Math.ceil(size / stride) - 1) * stride + kernel[axis] - size, 0);
  const [rows, columns] = [total(height, 0), total(width, 1)];
  const top = Math.floor(rows / 2);
  const left = Math.floor(columns / 2);
  return { top, bottom: rows - top, left, right: columns - left };
}
