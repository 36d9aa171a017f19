import { clipFactor } from "../rule.ts";
import type { Gram } from "./gram.ts";

interface CentredClipping {
  /** τ, what a vector may differ by from where a step begins; left out: the median of what they do. */
  readonly radius?: number | undefined;
  readonly iterations: number;
  /** Index of the vector that it starts at; left out: at zero. */
  readonly center?: number;
}

/**
 * Coefficients of centred clipping (Karimireddy, He & Jaggi 2021): v ← v + Σ (uᵢ − v)·min(1, τ/‖uᵢ − v‖)/n,
 * some times over. It starts at the vector of index `center`, the last round's aggregate, which is none of
 * those that are combined.
 *
 * @param gram of all vectors, the center's among them
 * @returns one coefficient a vector of `gram`; the center's own too
 */
export function centredClipping(
  gram: Gram,
  { radius, iterations, center }: CentredClipping,
): number[] {
  const others = gram.map((_, i) => i).filter((i) => i !== center);
  let v: number[] = gram.map((_, i) => (i === center ? 1 : 0));
  for (let step = 0; step < iterations; step++) {
    const inner = gram.map((row) => sumProducts(v, row));
    const square = sumProducts(v, inner);
    const distances = others.map((i) =>
      Math.sqrt(Math.max(0, square - 2 * inner[i]! + gram[i]![i]!)),
    );
    const most = radius ?? lowerMedian(distances);
    const factors = distances.map((distance) => clipFactor(most, distance) / others.length);
    let moved = 0;
    for (const factor of factors) moved += factor;
    v = v.map((coefficient) => coefficient * (1 - moved));
    for (const [k, i] of others.entries()) v[i]! += factors[k]!;
  }
  return v;
}

function sumProducts(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Of an even number the smaller of the two in the middle: half cannot lengthen what all are held to. */
function lowerMedian(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  return ascending[Math.floor((ascending.length - 1) / 2)] ?? 0;
}
