import type { INTERPOLATIONS } from "../../protocol/model/preprocessing-defaults.ts";

/** Which filter a picture is resized with. */
export interface Filter {
  readonly interpolation: (typeof INTERPOLATIONS)[number];
  /** Whether it widens when shrinking, so that nothing aliases. */
  readonly antialias: boolean;
}

/** Of every output index along one axis, the source values that it is made of. */
export interface Taps {
  /** First source index. */
  readonly first: Int32Array;
  /** Number of source values. */
  readonly count: Int32Array;
  /** `[outputs, stride]`, rows sum to 1. */
  readonly weights: Float64Array;
  readonly stride: number;
}

/**
 * Taps along an axis of `from` values that is to have `to` (SPEC N5). Antialiased and nearest as Pillow
 * has them (Resample.c and Geometry.c of 11.3), to the bit; otherwise as OpenCV and PyTorch sample: half a
 * pixel from corner to centre, edges repeated, cubics with a = −.75.
 */
export function tapsOf(from: number, to: number, { antialias, interpolation }: Filter): Taps {
  if (interpolation === "nearest") return nearestTaps(from, to);
  return antialias ? wideTaps(from, to, interpolation) : pointTaps(from, to, interpolation);
}

type Interpolation = Exclude<Filter["interpolation"], "nearest">;

const REACH: Readonly<Record<Interpolation, number>> = { bilinear: 1, bicubic: 2 };

/** Weight of a value at a distance. */
function weightAt(interpolation: Interpolation, distance: number, a: number): number {
  const x = Math.abs(distance);
  if (interpolation === "bilinear") return x < 1 ? 1 - x : 0;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Pillow keeps its weights in so many bits behind the point. */
const PILLOW_ONE = 2 ** 22;
const PILLOW_CUBIC = -0.5;

function wideTaps(from: number, to: number, interpolation: Interpolation): Taps {
  const scale = from / to;
  const filterScale = Math.max(scale, 1);
  const support = REACH[interpolation] * filterScale;
  const taps = emptyTaps(to, Math.ceil(support) * 2 + 1);
  const { first, count, weights, stride } = taps;
  const perSource = 1 / filterScale;
  for (let output = 0; output < to; output++) {
    const centre = (output + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    first[output] = start;
    count[output] = end - start;
    const row = weights.subarray(output * stride, output * stride + end - start);
    let sum = 0;
    for (let tap = 0; tap < row.length; tap++) {
      const distance = (tap + start - centre + 0.5) * perSource;
      row[tap] = weightAt(interpolation, distance, PILLOW_CUBIC);
      sum += row[tap]!;
    }
    for (let tap = 0; tap < row.length; tap++) {
      const weight = (row[tap]! / sum) * PILLOW_ONE;
      row[tap] = Math.trunc(weight + (weight < 0 ? -0.5 : 0.5)) / PILLOW_ONE;
    }
  }
  return taps;
}

const SAMPLED_CUBIC = -0.75;

function pointTaps(from: number, to: number, interpolation: Interpolation): Taps {
  const scale = from / to;
  const reach = REACH[interpolation];
  const taps = emptyTaps(to, 2 * reach);
  const { first, count, weights, stride } = taps;
  for (let output = 0; output < to; output++) {
    const at = (output + 0.5) * scale - 0.5;
    const before = Math.floor(at);
    const start = clamp(before - reach + 1, from);
    first[output] = start;
    count[output] = clamp(before + reach, from) - start + 1;
    for (let source = before - reach + 1; source <= before + reach; source++) {
      // Beyond the edge the edge is repeated.
      const tap = output * stride + clamp(source, from) - start;
      weights[tap]! += weightAt(interpolation, at - source, SAMPLED_CUBIC);
    }
  }
  return taps;
}

function nearestTaps(from: number, to: number): Taps {
  const taps = emptyTaps(to, 1);
  const scale = from / to;
  // Added up as Pillow does: multiplied, it would be another pixel now and then.
  let at = 0.5 * scale;
  for (let output = 0; output < to; output++, at += scale) {
    taps.first[output] = clamp(Math.floor(at), from);
    taps.count[output] = 1;
    taps.weights[output] = 1;
  }
  return taps;
}

function emptyTaps(to: number, stride: number): Taps {
  return {
    first: new Int32Array(to),
    count: new Int32Array(to),
    weights: new Float64Array(to * stride),
    stride,
  };
}

function clamp(index: number, length: number): number {
  return Math.min(Math.max(index, 0), length - 1);
}
