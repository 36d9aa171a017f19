import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomStream, STREAM_SEED_BYTES } from "../../../protocol/random/random-stream.ts";
import { planeWave } from "../../../client/distil/plane-wave.ts";
import { drawMappedWave, drawWave } from "../../../client/distil/waves.ts";

function stream(seed: number): RandomStream {
  const bytes = new Uint8Array(STREAM_SEED_BYTES);
  new DataView(bytes.buffer).setUint32(0, seed, true);
  return new RandomStream(bytes);
}

const SHAPE = { height: 24, width: 32, channels: 3 };
const WAVES = { radius: 0.3, periods: 10 };

function rootMeanSquare(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Share of a channel's power that its best-fitting plane wave with so many periods explains. */
function explained(channel: readonly number[], down: number, right: number): number {
  const { height, width } = SHAPE;
  let [cc, ss, cs, xc, xs, xx] = [0, 0, 0, 0, 0, 0];
  channel.forEach((x, pixel) => {
    const at =
      2 *
      Math.PI *
      ((down * Math.floor(pixel / width)) / height + (right * (pixel % width)) / width);
    const [c, s] = [Math.cos(at), Math.sin(at)];
    cc += c * c;
    ss += s * s;
    cs += c * s;
    xc += x * c;
    xs += x * s;
    xx += x * x;
  });
  const determinant = cc * ss - cs * cs;
  return (ss * xc * xc - 2 * cs * xc * xs + cc * xs * xs) / (determinant * xx);
}

test("[D9.5.2] a wave is no larger than its radius, and the same from the same stream", () => {
  fc.assert(
    fc.property(fc.nat(1e6), (seed) => {
      const wave = drawWave(SHAPE, WAVES, stream(seed));
      expect(wave).toHaveLength(24 * 32 * 3);
      expect(rootMeanSquare(wave)).toBeLessThan(WAVES.radius);
      expect(drawWave(SHAPE, WAVES, stream(seed))).toEqual(wave);
    }),
  );
});

test("[D9.5.1] [D9.5.2] sizes are spread over all of the radius, and half of the waves have one colour", () => {
  const random = stream(5);
  const waves = Array.from({ length: 600 }, () => drawWave(SHAPE, WAVES, random));
  const mean = waves.reduce((sum, wave) => sum + rootMeanSquare(wave), 0) / waves.length;
  // Uniform sizes have a mean of half the radius; its standard deviation here is .0035.
  expect(mean).toBeGreaterThan(0.135);
  expect(mean).toBeLessThan(0.165);
  const grey = waves.filter((wave) => wave[0] === wave[1] && wave[1] === wave[2]).length;
  expect(grey).toBeGreaterThan(250);
  expect(grey).toBeLessThan(350);
});

test("[D9.5] [D9.5.1] each channel is one plane wave of between 1 and `periods` periods, the same in all", () => {
  const random = stream(11);
  for (let i = 0; i < 12; i++) {
    const wave = drawWave(SHAPE, { radius: 0.3, periods: 4 }, random);
    const channels = [0, 1, 2].map((k) => [...wave].filter((_, at) => at % 3 === k));
    let best = { share: 0, periods: 0, down: 0, right: 0 };
    // Half of all directions: a wave and its mirror image in phase are one.
    for (let down = 0; down <= 5; down += 0.1) {
      for (let right = -5; right <= 5; right += 0.1) {
        const share = explained(channels[0]!, down, right);
        if (share > best.share) best = { share, periods: Math.hypot(down, right), down, right };
      }
    }
    expect(best.share).toBeGreaterThan(0.98);
    expect(best.periods).toBeGreaterThan(0.85);
    expect(best.periods).toBeLessThan(4.15);
    for (const channel of channels.slice(1)) {
      expect(explained(channel, best.down, best.right)).toBeGreaterThan(0.98);
    }
  }
});

test("[D9.6.3] a wave by a heat map is within half a spacing of one that misleads, the more it does the more often", () => {
  const random = stream(3);
  const waves = [
    { down: 2, right: -2, share: 0.9 },
    { down: 0, right: 3, share: 0.3 },
    { down: 4, right: 0, share: 0 },
  ];
  const heatMap = { spacing: 1, waves };
  const nearest = waves.map(() => 0);
  for (let i = 0; i < 60; i++) {
    const wave = drawMappedWave(SHAPE, { radius: 0.3, periods: 4 }, heatMap, random);
    expect(rootMeanSquare(wave)).toBeLessThan(0.3);
    const channel = [...wave].filter((_, at) => at % 3 === 0);
    let best = { share: 0, down: 0, right: 0 };
    for (let down = 0; down <= 5; down += 0.25) {
      for (let right = -5; right <= 5; right += 0.25) {
        const share = explained(channel, down, right);
        if (share > best.share) best = { share, down, right };
      }
    }
    expect(best.share).toBeGreaterThan(0.9);
    // A wave and its opposite are one: the second may be found below the axis.
    const from = (at: { down: number; right: number }): number =>
      Math.min(
        Math.max(Math.abs(best.down - at.down), Math.abs(best.right - at.right)),
        Math.max(Math.abs(best.down + at.down), Math.abs(best.right + at.right)),
      );
    const distances = waves.map(from);
    const index = distances.indexOf(Math.min(...distances));
    expect(distances[index]).toBeLessThanOrEqual(0.75);
    nearest[index]!++;
  }
  // .81 to .09 to 0.
  expect(nearest[0]).toBeGreaterThan(45);
  expect(nearest[1]).toBeGreaterThan(0);
  expect(nearest[2]).toBe(0);
});

test("[D9.5.2] a wave that is sampled at its zeros alone is nothing", () => {
  const amplitudes = new Float64Array(3).fill(1);
  const still = { phase: 0, amplitudes, size: 0.2 };
  const none = planeWave(SHAPE, { ...still, down: 12, right: 16 });
  expect(none.every((value) => value === 0)).toBe(true);
  const next = planeWave(SHAPE, { ...still, down: 11, right: 16 });
  expect(rootMeanSquare(next)).toBeCloseTo(0.2);
});
