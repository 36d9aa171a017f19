import { inverseNormal } from "../../protocol/reinit/normal.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Waves } from "../../protocol/round/adversary.ts";
import type { RandomStream } from "./random.ts";

/**
 * A random plane wave over an image (SPEC D9): sin(2π·(u·r/H + v·c/W) + ψ) at row r and column c, of
 * uniform direction and phase, between 1 and `periods` periods along a side, its root mean square
 * uniform up to `radius`. Half of them have one colour, the others another amplitude in each channel.
 *
 * @returns `[H, W, C]`, normalised units
 *
 * @example
 * const pattern = drawWave(images, { radius: 0.45, periods: 10 }, random);
 */
export function drawWave(
  { height, width, channels }: ImageShape,
  { radius, periods }: Waves,
  random: RandomStream,
): Float32Array {
  const direction = Math.PI * random.uniform();
  const frequency = 1 + (periods - 1) * random.uniform();
  const phase = 2 * Math.PI * random.uniform();
  const size = radius * random.uniform();
  const down = (2 * Math.PI * frequency * Math.sin(direction)) / height;
  const right = (2 * Math.PI * frequency * Math.cos(direction)) / width;
  const amplitudes = drawAmplitudes(channels, random);
  const wave = Float64Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    const row = Math.floor(pixel / width);
    return amplitudes[i % channels]! * Math.sin(down * row + right * (pixel % width) + phase);
  });
  const squares = wave.reduce((sum, value) => sum + value * value, 0);
  // Sampled at its zeros alone a wave is nothing, and stays so.
  const scale = size / (Math.sqrt(squares / wave.length) || 1);
  return Float32Array.from(wave, (value) => scale * value);
}

function drawAmplitudes(channels: number, random: RandomStream): Float64Array {
  const isGrey = random.uniform() < 0.5;
  return Float64Array.from({ length: channels }, () =>
    isGrey ? 1 : inverseNormal(random.uniform()),
  );
}
