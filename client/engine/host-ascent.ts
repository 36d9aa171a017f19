import type { AdversarySettings } from "./engine.ts";

type Ascent = Pick<AdversarySettings, "norm" | "radius" | "stepLength">;

/**
 * δ ← Π(δ + stepLength·ĝ) for one or several perturbations, in float64; where a gradient is zero, its
 * δ stays where it is.
 *
 * @param perturbations `[n, imageLength]`, changed
 * @param gradients of the same shape
 */
export function ascend(
  perturbations: Float32Array,
  gradients: Float32Array,
  imageLength: number,
  settings: Ascent,
): void {
  const step = settings.norm === "l2" ? ascendInBall : ascendInBox;
  for (let from = 0; from < perturbations.length; from += imageLength) {
    const end = from + imageLength;
    step(perturbations.subarray(from, end), gradients.subarray(from, end), settings);
  }
}

function ascendInBall(
  delta: Float32Array,
  gradient: Float32Array,
  { radius, stepLength }: Ascent,
): void {
  const rate = stepLength / (lengthOf(gradient) || 1);
  const moved = Float64Array.from(delta, (value, i) => value + rate * gradient[i]!);
  const length = lengthOf(moved);
  const shrink = length > radius ? radius / length : 1;
  for (let i = 0; i < delta.length; i++) delta[i] = moved[i]! * shrink;
}

function ascendInBox(
  delta: Float32Array,
  gradient: Float32Array,
  { radius, stepLength }: Ascent,
): void {
  for (let i = 0; i < delta.length; i++) {
    const moved = delta[i]! + stepLength * Math.sign(gradient[i]!);
    delta[i] = Math.min(radius, Math.max(-radius, moved));
  }
}

function lengthOf(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
