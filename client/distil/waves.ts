import { inverseNormal } from "../../protocol/random/normal.ts";
import type { ImageShape } from "../../protocol/model/graph.ts";
import type { Waves } from "../../protocol/round/adversary.ts";
import type { FoundHeatMap } from "./heat-map.ts";
import { planeWave, type PlaneWave } from "./plane-wave.ts";
import type { RandomStream } from "../../protocol/random/random-stream.ts";

/**
 * A random plane wave over an image (SPEC D9): of uniform direction and phase, between 1 and `periods`
 * periods along it, its root mean square uniform up to `radius`. Half of them have one colour, the
 * others another amplitude in each channel.
 *
 * @returns `[H, W, C]`, normalised units
 *
 * @example
 * const pattern = drawWave(images, { radius: 0.45, periods: 10 }, random);
 */
export function drawWave(
  images: ImageShape,
  { radius, periods }: Waves,
  random: RandomStream,
): Float32Array {
  const direction = Math.PI * random.uniform();
  const frequency = 1 + (periods - 1) * random.uniform();
  const [down, right] = [frequency * Math.sin(direction), frequency * Math.cos(direction)];
  return drawRest(images, { down, right }, radius, random);
}

/**
 * As `drawWave`, its frequency near one that misleads the teacher: drawn in proportion to the square
 * of the share of images that it leads to one class, and up to half of the lattice's spacing from it.
 *
 * @param heatMap some wave of which leads somewhere
 */
export function drawMappedWave(
  images: ImageShape,
  { radius }: Waves,
  { spacing, waves }: FoundHeatMap,
  random: RandomStream,
): Float32Array {
  const near = waves[random.weighted(waves.map(({ share }) => share ** 2))]!;
  const aside = (): number => spacing * (random.uniform() - 0.5);
  const at = { down: near.down + aside(), right: near.right + aside() };
  return drawRest(images, at, radius, random);
}

function drawRest(
  images: ImageShape,
  at: Pick<PlaneWave, "down" | "right">,
  radius: number,
  random: RandomStream,
): Float32Array {
  const phase = 2 * Math.PI * random.uniform();
  const size = radius * random.uniform();
  const amplitudes = drawAmplitudes(images.channels, random);
  return planeWave(images, { ...at, phase, amplitudes, size });
}

function drawAmplitudes(channels: number, random: RandomStream): Float64Array {
  const isGrey = random.uniform() < 0.5;
  return Float64Array.from({ length: channels }, () =>
    isGrey ? 1 : inverseNormal(random.uniform()),
  );
}
