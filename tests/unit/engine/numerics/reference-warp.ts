import type { WarpSettings } from "../../../../client/engine/adversary-settings.ts";
import type { Tensor } from "./reference-operations.ts";

/**
 * Universal warps as `WarpSettings` defines them, in float64 and by hat functions: bilinear is a
 * weighted sum over all nodes, or all pixels, of which only near ones weigh anything.
 */

/** 1 at 0, falling to 0 at ±1. */
function hat(distance: number): number {
  return Math.max(0, 1 - Math.abs(distance));
}

/** Its slope; in its kinks that to the right. */
function hatSlope(distance: number): number {
  if (distance < -1 || distance >= 1) return 0;
  return distance < 0 ? 1 : -1;
}

/** Of a row (or column) of nodes in a row of pixels. */
function nodeWeight(pixel: number, pixels: number, node: number, grid: number): number {
  const place = pixels === 1 ? 0 : (pixel * (grid - 1)) / (pixels - 1);
  return hat(place - node);
}

/** Displacements of every pixel, `[H, W, 2]`. */
export function upsample(
  field: Float64Array,
  grid: number,
  height: number,
  width: number,
): Float64Array {
  const displaced = new Float64Array(height * width * 2);
  eachPair(grid, height, width, (pixel, node, weight) => {
    displaced[2 * pixel]! += weight * field[2 * node]!;
    displaced[2 * pixel + 1]! += weight * field[2 * node + 1]!;
  });
  return displaced;
}

function eachPair(
  grid: number,
  height: number,
  width: number,
  tell: (pixel: number, node: number, weight: number) => void,
): void {
  for (let pixel = 0; pixel < height * width; pixel++) {
    const row = Math.floor(pixel / width);
    for (let node = 0; node < grid * grid; node++) {
      const down = nodeWeight(row, height, Math.floor(node / grid), grid);
      const right = nodeWeight(pixel % width, width, node % grid, grid);
      tell(pixel, node, down * right);
    }
  }
}

/** A place along a side, held by the edges. */
interface Place {
  readonly at: number;
  readonly held: boolean;
}

function placeOf(at: number, pixels: number): Place {
  const last = pixels - 1;
  return { at: Math.min(last, Math.max(0, at)), held: at <= 0 || at >= last };
}

/** Images and a field that warps them. */
export class ReferenceWarp {
  readonly #images: Tensor;
  readonly #grid: number;
  readonly #displaced: Float64Array;

  /**
   * @param images `[N, H, W, C]`
   * @param field `[grid, grid, 2]`
   */
  constructor(images: Tensor, field: Float64Array) {
    this.#images = images;
    this.#grid = Math.sqrt(field.length / 2);
    const [, height, width] = images.shape;
    this.#displaced = upsample(field, this.#grid, height!, width!);
  }

  /** The images warped. */
  get warped(): Tensor {
    const [count, , , channels] = this.#images.shape;
    const values = new Float64Array(this.#images.values.length);
    this.#eachTap(({ pixel, source, down, right }) => {
      const pixels = this.#displaced.length / 2;
      for (let i = 0; i < count! * channels!; i++) {
        const image = Math.floor(i / channels!) * pixels * channels! + (i % channels!);
        values[image + pixel * channels!]! +=
          hat(down) * hat(right) * this.#images.values[image + source * channels!]!;
      }
    });
    return { shape: this.#images.shape, values };
  }

  /** By the field `[grid, grid, 2]`, of what `gradient` is by the warped images. */
  gradient(gradient: Tensor): Float64Array {
    const [count, height, width, channels] = this.#images.shape;
    const byPlace = new Float64Array(this.#displaced.length);
    this.#eachTap(({ pixel, source, down, right, held }) => {
      const pixels = this.#displaced.length / 2;
      for (let i = 0; i < count! * channels!; i++) {
        const image = Math.floor(i / channels!) * pixels * channels! + (i % channels!);
        const product =
          gradient.values[image + pixel * channels!]! *
          this.#images.values[image + source * channels!]!;
        if (!held[0]) byPlace[2 * pixel]! += product * hatSlope(down) * hat(right);
        if (!held[1]) byPlace[2 * pixel + 1]! += product * hat(down) * hatSlope(right);
      }
    });
    const byField = new Float64Array(2 * this.#grid ** 2);
    eachPair(this.#grid, height!, width!, (pixel, node, weight) => {
      byField[2 * node]! += weight * byPlace[2 * pixel]!;
      byField[2 * node + 1]! += weight * byPlace[2 * pixel + 1]!;
    });
    return byField;
  }

  /**
   * Smallest distance of any place from where its slope jumps, a row or column of pixels; of those
   * that are displaced at all, as nothing else can end on another side.
   */
  get margin(): number {
    const [, height, width] = this.#images.shape;
    return this.#displaced.reduce((least, displaced, i) => {
      if (displaced === 0) return least;
      const pixel = Math.floor(i / 2);
      const own = i % 2 === 0 ? Math.floor(pixel / width!) : pixel % width!;
      const { at } = placeOf(own + displaced, i % 2 === 0 ? height! : width!);
      return Math.min(least, Math.abs(own + displaced - Math.round(at)));
    }, Infinity);
  }

  /** Pairs of a pixel and one that it is sampled from, and how far from there. */
  #eachTap(
    tell: (tap: {
      pixel: number;
      source: number;
      down: number;
      right: number;
      held: readonly [boolean, boolean];
    }) => void,
  ): void {
    const [, height, width] = this.#images.shape;
    for (let pixel = 0; pixel < height! * width!; pixel++) {
      const row = placeOf(Math.floor(pixel / width!) + this.#displaced[2 * pixel]!, height!);
      const column = placeOf((pixel % width!) + this.#displaced[2 * pixel + 1]!, width!);
      for (let source = 0; source < height! * width!; source++) {
        const down = row.at - Math.floor(source / width!);
        const right = column.at - (source % width!);
        if (Math.abs(down) > 1 || Math.abs(right) > 1) continue;
        tell({ pixel, source, down, right, held: [row.held, column.held] });
      }
    }
  }
}

/** φ ← Π(φ + step·ĝ), by root mean squares. */
export function ascendWarp(
  field: Float64Array,
  gradient: Float64Array,
  { radius, step }: WarpSettings,
): Float64Array {
  const size = rootMeanSquare(gradient);
  const moved = field.map((value, i) => value + (size === 0 ? 0 : (step * gradient[i]!) / size));
  const reached = rootMeanSquare(moved);
  return reached > radius ? moved.map((value) => (value * radius) / reached) : moved;
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}
