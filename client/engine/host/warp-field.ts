import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { AdversarySettings, WarpSettings } from "../adversary-settings.ts";

/**
 * Fields of displacements that warp images (`WarpSettings`): how many numbers they have, where they
 * lead, and how a gradient by the places they lead to becomes one by the field.
 */

/**
 * Whether a warp bends a copy, by its place in its norm group; where there is a warp, the others are
 * what δ is added to.
 */
export function isWarped(copy: number): boolean {
  return copy % 2 === 1;
}

/** Most nodes along a side; memory for their displacements is there from the start. */
export const MOST_NODES = 32;

/** A field's nodes, and the images it warps. */
export interface WarpShape {
  /** k, nodes along each side. */
  readonly grid: number;
  readonly image: ImageShape;
}

/** H·W·C */
export function imageLengthOf({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}

/** Numbers of a field `[grid, grid, 2]`; 0 for no grid. */
export function fieldLength(grid: number): number {
  return 2 * grid * grid;
}

/**
 * Nodes along a side of the field that a perturbation of so many values has behind its δ; 0 without
 * a field, undefined where no grid has such a length.
 */
export function gridOf(length: number, image: ImageShape): number | undefined {
  const behind = length - imageLengthOf(image);
  const grid = Math.sqrt(behind / 2);
  if (behind === 0) return 0;
  return Number.isInteger(grid) && grid >= 2 && grid <= MOST_NODES ? grid : undefined;
}

/**
 * How a field ascends, as a δ would: a root mean square of r over n numbers is a length of r·√n.
 */
export function fieldBall({
  grid,
  radius,
  step,
}: WarpSettings): Pick<AdversarySettings, "norm" | "radius" | "stepLength"> {
  const unit = Math.sqrt(fieldLength(grid));
  return { norm: "l2", radius: radius * unit, stepLength: step * unit };
}

/** Where rows (or columns) of pixels lie between rows of nodes. */
interface Rungs {
  /** Node before each pixel, and the one after it. */
  readonly before: Uint32Array;
  readonly after: Uint32Array;
  /** How far from the one to the other, 0 … 1. */
  readonly fraction: Float64Array;
}

/** @param pixels along a side, H or W. */
function rungsOf(pixels: number, grid: number): Rungs {
  const before = new Uint32Array(pixels);
  const after = new Uint32Array(pixels);
  const fraction = new Float64Array(pixels);
  const gaps = Math.max(1, pixels - 1);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const scaled = pixel * (grid - 1);
    before[pixel] = Math.floor(scaled / gaps);
    after[pixel] = Math.min(before[pixel]! + 1, grid - 1);
    fraction[pixel] = (scaled % gaps) / gaps;
  }
  return { before, after, fraction };
}

/** Calls back for the four nodes of every pixel that its displacement is a weighted mean of. */
function eachNode(
  { grid, image }: WarpShape,
  tell: (pixel: number, node: number, weight: number) => void,
): void {
  const rows = rungsOf(image.height, grid);
  const columns = rungsOf(image.width, grid);
  for (let row = 0; row < image.height; row++) {
    const down = rows.fraction[row]!;
    const above = rows.before[row]! * grid;
    const below = rows.after[row]! * grid;
    for (let column = 0; column < image.width; column++) {
      const pixel = row * image.width + column;
      const right = columns.fraction[column]!;
      const left = columns.before[column]!;
      const next = columns.after[column]!;
      tell(pixel, above + left, (1 - down) * (1 - right));
      tell(pixel, above + next, (1 - down) * right);
      tell(pixel, below + left, down * (1 - right));
      tell(pixel, below + next, down * right);
    }
  }
}

/**
 * By the field, of what `gradient` is by every pixel's displacement: the transpose of reading the
 * field between its nodes.
 *
 * @param gradient `[H, W, 2]`
 * @returns `[grid, grid, 2]`
 */
export function gatherOntoGrid(gradient: Float32Array, shape: WarpShape): Float32Array {
  const gathered = new Float64Array(fieldLength(shape.grid));
  eachNode(shape, (pixel, node, weight) => {
    for (const axis of [0, 1]) {
      gathered[2 * node + axis] = gathered[2 * node + axis]! + weight * gradient[2 * pixel + axis]!;
    }
  });
  return Float32Array.from(gathered);
}

/** Where every pixel of a warped image is taken from. */
export interface Samples {
  /** `[H·W, 4]`: pixels around the place, upper left, upper right, lower left, lower right. */
  readonly corners: Uint32Array;
  /** `[H·W, 2]`: how far below the upper and right of the left ones, 0 … 1. */
  readonly fractions: Float64Array;
  /** `[H·W, 2]`: 0 where the image's edge holds the place, so that nothing moves it, else 1. */
  readonly free: Uint8Array;
}

/** @param field `[grid, grid, 2]` */
export function samplesOf(field: Float32Array, shape: WarpShape): Samples {
  const { height, width } = shape.image;
  const displaced = new Float64Array(2 * height * width);
  eachNode(shape, (pixel, node, weight) => {
    for (const axis of [0, 1]) {
      displaced[2 * pixel + axis] = displaced[2 * pixel + axis]! + weight * field[2 * node + axis]!;
    }
  });
  const corners = new Uint32Array(4 * height * width);
  const fractions = new Float64Array(2 * height * width);
  const free = new Uint8Array(2 * height * width);
  for (let pixel = 0; pixel < height * width; pixel++) {
    const row = Math.floor(pixel / width) + displaced[2 * pixel]!;
    const column = (pixel % width) + displaced[2 * pixel + 1]!;
    const down = between(row, height);
    const right = between(column, width);
    corners.set(
      [
        down.before * width + right.before,
        down.before * width + right.after,
        down.after * width + right.before,
        down.after * width + right.after,
      ],
      4 * pixel,
    );
    fractions.set([down.fraction, right.fraction], 2 * pixel);
    free.set([down.free, right.free], 2 * pixel);
  }
  return { corners, fractions, free };
}

/** Pixels along a side on both sides of a place, which the edges hold. */
function between(place: number, pixels: number) {
  const held = Math.min(pixels - 1, Math.max(0, place));
  const before = Math.floor(held);
  return {
    before,
    after: Math.min(before + 1, pixels - 1),
    fraction: held - before,
    free: place > 0 && place < pixels - 1 ? 1 : 0,
  };
}
