import type { ImageShape } from "../../protocol/model/graph.ts";

export interface PlaneWave {
  /** Periods down the image, and across it. */
  readonly down: number;
  readonly right: number;
  /** Radians. */
  readonly phase: number;
  /** `[C]` */
  readonly amplitudes: Float64Array;
  /** Root mean square over the image, normalised units. */
  readonly size: number;
}

/** Of the largest amplitude: far above what rounding leaves of a zero, far below any wave's size. */
const NOTHING = 1e-9;

/**
 * a_k·sin(2π·(`down`·r/H + `right`·c/W) + `phase`) at row r and column c of channel k (SPEC D9), scaled
 * to its size.
 *
 * @returns `[H, W, C]`, normalised units
 */
export function planeWave(
  { height, width, channels }: ImageShape,
  { down, right, phase, amplitudes, size }: PlaneWave,
): Float32Array {
  const [perRow, perColumn] = [(2 * Math.PI * down) / height, (2 * Math.PI * right) / width];
  const wave = Float64Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const row = Math.floor(pixel / width);
    return amplitudes[i % channels]! * Math.sin(perRow * row + perColumn * (pixel % width) + phase);
  });
  const squares = wave.reduce((sum, value) => sum + value * value, 0);
  const found = Math.sqrt(squares / wave.length);
  // Sampled at its zeros alone a wave is nothing but what rounding leaves, and stays so.
  const least = NOTHING * amplitudes.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = found > least ? size / found : 0;
  return Float32Array.from(wave, (value) => scale * value);
}
