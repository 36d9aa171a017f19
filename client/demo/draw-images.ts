import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";
import { RECORD_BYTES, RECORD_SIDE } from "../images/cifar-records.ts";
import { SHAPES } from "./shapes.ts";

const PIXELS = RECORD_SIDE * RECORD_SIDE;

/** What the demo's teacher was trained to expect: x = (pixel/255 − mean)/std. */
export const DEMO_PREPROCESSING = {
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
} as const;

type Colour = readonly [number, number, number];

/**
 * Draws `count` images of the ten classes in turn, as CIFAR binary records: one figure each, of
 * random colour, size, place and turn, over a shaded background with stray strokes and noise.
 *
 * @param seed two calls with the same seed give the same bytes, on every JavaScript engine.
 *
 * @example
 * const records = drawImages(1000, 7); // 1000 · 3073 bytes
 */
export function drawImages(count: number, seed: number): Uint8Array {
  const random = seededStream(seed);
  const records = new Uint8Array(count * RECORD_BYTES);
  for (let index = 0; index < count; index++) {
    const label = index % SHAPES.length;
    const record = records.subarray(index * RECORD_BYTES, (index + 1) * RECORD_BYTES);
    record[0] = label;
    drawImage(record.subarray(1), label, random);
  }
  return records;
}

function drawImage(pixels: Uint8Array, label: number, random: RandomStream): void {
  const shape = SHAPES[label]!;
  const background: Colour = randomColour(random);
  const otherEnd: Colour = nearColour(background, random);
  const figure: Colour = contrastingColour(background, random);
  const shading = direction(random);
  const turn = direction(random);
  const radius = uniform(random, 8, 13);
  const centreX = uniform(random, radius * 0.8, RECORD_SIDE - radius * 0.8);
  const centreY = uniform(random, radius * 0.8, RECORD_SIDE - radius * 0.8);
  const strokes = Array.from({ length: random.below(3) }, () => ({
    direction: direction(random),
    offset: uniform(random, -14, 14),
    halfWidth: uniform(random, 0.3, 0.9),
    colour: randomColour(random),
    opacity: uniform(random, 0.25, 0.75),
  }));
  const noise = uniform(random, 3, 14);

  for (let y = 0; y < RECORD_SIDE; y++) {
    for (let x = 0; x < RECORD_SIDE; x++) {
      const fromCentreX = x - RECORD_SIDE / 2 + 0.5;
      const fromCentreY = y - RECORD_SIDE / 2 + 0.5;
      const shade = 0.5 + (shading[0] * fromCentreX + shading[1] * fromCentreY) / RECORD_SIDE / 1.5;
      let colour = mix(background, otherEnd, shade);
      for (const stroke of strokes) {
        const [alongX, alongY] = stroke.direction;
        const distance =
          Math.abs(alongX * fromCentreX + alongY * fromCentreY - stroke.offset) - stroke.halfWidth;
        colour = mix(colour, stroke.colour, stroke.opacity * coverage(distance));
      }
      const figureX = (x + 0.5 - centreX) / radius;
      const figureY = (y + 0.5 - centreY) / radius;
      const distance = shape.distance(
        turn[0] * figureX + turn[1] * figureY,
        turn[0] * figureY - turn[1] * figureX,
      );
      colour = mix(colour, figure, coverage(distance * radius));
      for (let channel = 0; channel < 3; channel++) {
        const value = Math.round(colour[channel]! + noise * bell(random));
        pixels[channel * PIXELS + y * RECORD_SIDE + x] = Math.min(255, Math.max(0, value));
      }
    }
  }
}

/** A stream of random numbers of its own for every seed, a whole number from 0 on. */
export function seededStream(seed: number): RandomStream {
  const bytes = new Uint8Array(STREAM_SEED_BYTES);
  new DataView(bytes.buffer).setFloat64(0, seed, true);
  return new RandomStream(bytes);
}

/** A real number in [from, to). */
function uniform(random: RandomStream, from: number, to: number): number {
  return from + (to - from) * (random.word() / 2 ** 32);
}

/** The sum of four uniform bytes: nearly a bell, of mean 0 and standard deviation 1. */
function bell(random: RandomStream): number {
  const word = random.word();
  const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  return (sum - 510) / 147.8;
}

/** A direction in the plane, by rejection: no sine, whose last bit differs between engines. */
function direction(random: RandomStream): readonly [x: number, y: number] {
  for (;;) {
    const x = uniform(random, -1, 1);
    const y = uniform(random, -1, 1);
    const square = x * x + y * y;
    if (square > 1 || square < 0.01) continue;
    const length = Math.sqrt(square);
    return [x / length, y / length];
  }
}

/** Share of a pixel inside a figure whose edge is `distance` pixels away. */
function coverage(distance: number): number {
  return Math.min(1, Math.max(0, 0.5 - distance));
}

function mix(from: Colour, to: Colour, share: number): Colour {
  return [
    from[0] + (to[0] - from[0]) * share,
    from[1] + (to[1] - from[1]) * share,
    from[2] + (to[2] - from[2]) * share,
  ];
}

function randomColour(random: RandomStream): Colour {
  return [uniform(random, 0, 255), uniform(random, 0, 255), uniform(random, 0, 255)];
}

function nearColour([red, green, blue]: Colour, random: RandomStream): Colour {
  return [
    red + uniform(random, -70, 70),
    green + uniform(random, -70, 70),
    blue + uniform(random, -70, 70),
  ];
}

/** A colour that can be told from `other`: at least 200 apart in sum over the channels. */
function contrastingColour(other: Colour, random: RandomStream): Colour {
  for (;;) {
    const colour = randomColour(random);
    const apart =
      Math.abs(colour[0] - other[0]) +
      Math.abs(colour[1] - other[1]) +
      Math.abs(colour[2] - other[2]);
    if (apart >= 200) return colour;
  }
}
