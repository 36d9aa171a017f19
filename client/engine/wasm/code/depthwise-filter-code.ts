import type { FunctionWriter, Local } from "./assembler.ts";
import { readersOf, type ColumnTiles } from "./depthwise-code.ts";
import { FLOAT_BYTES, LANES, REGISTERS, VECTOR_BYTES } from "./register-tile.ts";

/** Taps whose sums are in registers at once. */
const MOST_SUMS = 9;

/** Rows and columns of taps that are summed together. */
interface TapBlock {
  readonly rows: number;
  readonly columns: number;
}

/** Whole rows of the window where they fit, part of one otherwise. */
function tapBlock(kernelHeight: number, kernelWidth: number): TapBlock {
  const columns = Math.min(kernelWidth, MOST_SUMS);
  const rows = Math.floor(MOST_SUMS / columns);
  return { rows: Math.min(rows, kernelHeight), columns };
}

/** Positions of a row of the output's gradient that are in registers together. */
export function mostPositions(kernelHeight: number, kernelWidth: number): number {
  const { rows, columns } = tapBlock(kernelHeight, kernelWidth);
  return REGISTERS - 1 - rows * columns;
}

/** Filters' gradients over padded rows, all in the thread's scratch. All pitches in bytes. */
export interface DepthwiseFilterSum {
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  /** Rows of the input from one row of the output to the next, and from one tap to the next. */
  readonly stride: number;
  readonly dilation: number;
  readonly columns: readonly ColumnTiles[];
  readonly sourcePitch: number;
  readonly sourceRowPitch: number;
  /** Of the output's gradient. */
  readonly gradientPitch: number;
  readonly gradientRowPitch: number;
}

/**
 * Writes a `DepthwiseFilterSum`: filters' gradients += what some rows give. Arguments: scratch, where in
 * it input and output gradient begin, filters' gradient `[kh, kw, channels]`, rows.
 *
 * Columns are the outermost loop and rows the innermost, so that lines of the cache are read whole
 * before others take their place.
 */
export function writeDepthwiseFilterSum(writer: FunctionWriter, shape: DepthwiseFilterSum): void {
  const [scratch, source, gradient, filters, rows] = writer.parameters as Parameters5;
  const { channels } = shape;
  const [x, dy, w] = Array.from({ length: 3 }, () => writer.integer()) as [Local, Local, Local];
  const tile = new TileWriter(writer, shape, rows);
  const vectors = Math.floor(channels / LANES);
  const left = channels % LANES;
  writer.addInteger(source, scratch).addInteger(gradient, scratch);
  for (const run of shape.columns) {
    writer.repeat(run.count, () => {
      writer.offset(x, source, 0).offset(dy, gradient, 0).offset(w, filters, 0);
      if (vectors > 0) {
        writer.repeat(vectors, () => {
          tile.write(run, [x, dy, w], LANES);
          for (const pointer of [x, dy, w]) writer.advance(pointer, VECTOR_BYTES);
        });
      }
      if (left > 0) tile.write(run, [x, dy, w], left);
      writer.advance(source, run.advance * shape.sourcePitch);
      writer.advance(gradient, run.taps.length * shape.gradientPitch);
    });
  }
}

/** Code for one vector of channels of neighbouring positions, all taps and rows. */
class TileWriter {
  readonly #writer: FunctionWriter;
  readonly #shape: DepthwiseFilterSum;
  readonly #rows: Local;
  readonly #block: TapBlock;
  readonly #sums: readonly Local[];
  readonly #gradients: readonly Local[];
  readonly #value: Local;
  readonly #pointers: readonly Local[];

  constructor(writer: FunctionWriter, shape: DepthwiseFilterSum, rows: Local) {
    const vectors = (count: number): Local[] =>
      Array.from({ length: count }, () => writer.vector());
    this.#writer = writer;
    this.#shape = shape;
    this.#rows = rows;
    this.#block = tapBlock(shape.kernelHeight, shape.kernelWidth);
    this.#sums = vectors(this.#block.rows * this.#block.columns);
    this.#gradients = vectors(Math.max(...shape.columns.map(({ taps }) => taps.length)));
    this.#value = writer.vector();
    this.#pointers = [writer.integer(), writer.integer()];
  }

  write(run: ColumnTiles, places: readonly [x: Local, dy: Local, w: Local], lanes: number): void {
    const { kernelHeight, kernelWidth } = this.#shape;
    const { rows, columns } = this.#block;
    for (let row = 0; row < kernelHeight; row += rows) {
      for (let column = 0; column < kernelWidth; column += columns) {
        const taps = {
          row,
          rows: Math.min(rows, kernelHeight - row),
          column,
          columns: Math.min(columns, kernelWidth - column),
        };
        this.#sum(run, taps, places, lanes);
      }
    }
  }

  #sum(
    run: ColumnTiles,
    taps: TapRange,
    [x, dy, w]: readonly [Local, Local, Local],
    lanes: number,
  ): void {
    const writer = this.#writer;
    const { channels, stride, kernelWidth, sourceRowPitch, gradientRowPitch } = this.#shape;
    const [rowIn, rowOut] = this.#pointers as [Local, Local];
    const sums = this.#sums.slice(0, taps.rows * taps.columns);
    for (const sum of sums) writer.zeroVector().set(sum);
    writer.offset(rowIn, x, 0).offset(rowOut, dy, 0);
    writer.repeatVariable(this.#rows, () => {
      this.#addRow(run, taps, rowIn, rowOut);
      writer.advance(rowIn, stride * sourceRowPitch).advance(rowOut, gradientRowPitch);
    });
    sums.forEach((sum, index) => {
      const row = taps.row + Math.floor(index / taps.columns);
      const column = taps.column + (index % taps.columns);
      const at = (row * kernelWidth + column) * channels * FLOAT_BYTES;
      // Added last, so that nothing waits for it.
      writer.get(sum).loadVector(w, at).addFloats().set(sum);
      writer.storeLanes(w, at, sum, lanes);
    });
  }

  /** Adds the products of a row's positions to the sums of some taps. */
  #addRow({ taps: columns }: ColumnTiles, taps: TapRange, rowIn: Local, rowOut: Local): void {
    const writer = this.#writer;
    const { dilation, sourcePitch, sourceRowPitch, gradientPitch } = this.#shape;
    columns.forEach((_, position) => {
      writer.loadVector(rowOut, position * gradientPitch).set(this.#gradients[position]!);
    });
    const readers = readersOf(columns, taps.column, taps.columns);
    for (let row = 0; row < taps.rows; row++) {
      const start = (taps.row + row) * dilation * sourceRowPitch;
      for (const [place, products] of readers) {
        writer.loadVector(rowIn, start + place * sourcePitch).set(this.#value);
        for (const { result, tap } of products) {
          writer.multiplyAdd(
            this.#sums[row * taps.columns + tap - taps.column]!,
            () => writer.get(this.#value),
            () => writer.get(this.#gradients[result]!),
          );
        }
      }
    }
  }
}

/** Some neighbouring taps. */
interface TapRange {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

type Parameters5 = [Local, Local, Local, Local, Local];
