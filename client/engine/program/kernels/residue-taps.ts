/**
 * Which taps of a kernel, along one axis, bring something to an input position: tap k sees position i
 * from output position (i + padding − k·dilation)/stride, where that is whole.
 */

/** From each such tap to the next, and how many output positions that is back. */
export interface TapSteps {
  readonly step: number;
  readonly spread: number;
}

export function tapSteps(stride: number, dilation: number): TapSteps {
  const common = greatestCommonDivisor(stride, dilation);
  return { step: stride / common, spread: dilation / common };
}

/** The first of them, and how many there are. */
export interface TapRun {
  readonly first: number;
  readonly taps: number;
}

/**
 * The taps of input positions with i + padding ≡ `residue` modulo the stride.
 *
 * @example
 * residueTaps(1, 5, 2, 1); // { first: 1, taps: 2 }: the taps 1 and 3
 */
export function residueTaps(
  residue: number,
  kernel: number,
  stride: number,
  dilation: number,
): TapRun {
  const { step } = tapSteps(stride, dilation);
  const first = Array.from({ length: step }, (_, tap) => tap).find(
    (tap) => (tap * dilation) % stride === residue,
  );
  if (first === undefined) return { first: 0, taps: 0 };
  return { first, taps: Math.max(0, Math.ceil((kernel - first) / step)) };
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
