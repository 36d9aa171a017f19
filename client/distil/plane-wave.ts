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
  // Sampled at its zeros alone a wave is nothing, and stays so.
  const scale = size / (Math.sqrt(squares / wave.length) || 1);
  return Float32Array.from(wave, (value) => scale * value);
}
