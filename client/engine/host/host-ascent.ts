import type { AdversarySettings } from "../adversary-settings.ts";

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

/** The low frequencies of an image, and how much longer a ball is along them. */
export interface StretchedAxes {
  readonly project: (image: ArrayLike<number>) => Float64Array;
  readonly gain: number;
}

/**
 * δ ← S·Π(S⁻¹·δ + stepLength·ĝ) for the one perturbation of `LowFrequencySettings`, in float64:
 * S² = I + (gain² − 1)·P, and ‖S⁻¹·x‖² = ‖x‖² − (1 − gain⁻²)·⟨x, P·x⟩.
 *
 * @param delta `[H, W, C]`, changed
 * @param gradient of the same shape; where it is zero, δ stays where it is
 */
export function ascendInStretchedBall(
  delta: Float32Array,
  gradient: Float32Array,
  { radius, stepLength }: Pick<Ascent, "radius" | "stepLength">,
  { project, gain }: StretchedAxes,
): void {
  const low = project(gradient);
  const more = gain ** 2 - 1;
  const rate = stepLength / (Math.sqrt(squares(gradient) + more * product(gradient, low)) || 1);
  const moved = Float64Array.from(
    delta,
    (value, i) => value + rate * (gradient[i]! + more * low[i]!),
  );
  const less = 1 - gain ** -2;
  const length = Math.sqrt(Math.max(0, squares(moved) - less * product(moved, project(moved))));
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

type Values = Float32Array | Float64Array;

function lengthOf(values: Values): number {
  return Math.sqrt(squares(values));
}

function squares(values: Values): number {
  return product(values, values);
}

function product(a: Values, b: Values): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
