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

/** Filters' gradients over padded rows in the thread's scratch. All pitches in bytes. */
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
  readonly rowPitch: number;
  /** Whether to add to what the filters' memory holds. */
  readonly accumulate: boolean;
}

/**
 * Writes a `DepthwiseFilterSum`. Arguments: scratch, where in it the input begins, output gradient,
 * filters' gradient `[kh, kw, channels]`, rows.
 */
export function writeDepthwiseFilterSum(writer: FunctionWriter, shape: DepthwiseFilterSum): void {
  const [scratch, source, gradient, filters, rows] = writer.parameters as Parameters5;
  const { channels } = shape;
  const block = new BlockWriter(writer, shape, rows);
  const vectors = Math.floor(channels / LANES);
  writer.addInteger(source, scratch);
  if (vectors > 0) {
    writer.repeat(vectors, () => {
      block.write([source, gradient, filters], LANES);
      for (const pointer of [source, gradient, filters]) writer.advance(pointer, VECTOR_BYTES);
    });
  }
  const left = channels % LANES;
  if (left > 0) block.write([source, gradient, filters], left);
}

/** Code for one vector of channels, all taps and rows. */
class BlockWriter {
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
    this.#pointers = Array.from({ length: 4 }, () => writer.integer());
  }

  write(places: readonly [source: Local, gradient: Local, filters: Local], lanes: number): void {
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
        this.#sum(taps, places, lanes);
      }
    }
  }

  #sum(
    taps: TapRange,
    [source, gradient, filters]: readonly [Local, Local, Local],
    lanes: number,
  ): void {
    const writer = this.#writer;
    const { channels, stride, columns, kernelWidth, accumulate } = this.#shape;
    const [rowIn, rowOut, pixel, dy] = this.#pointers as Parameters4;
    const sums = this.#sums.slice(0, taps.rows * taps.columns);
    for (const sum of sums) writer.zeroVector().set(sum);
    writer.offset(rowIn, source, 0).offset(rowOut, gradient, 0);
    writer.repeatVariable(this.#rows, () => {
      writer.offset(pixel, rowIn, 0).offset(dy, rowOut, 0);
      for (const run of columns) {
        writer.repeat(run.count, () => {
          this.#addTile(run, taps, pixel, dy);
          writer.advance(pixel, run.advance * this.#shape.sourcePitch);
          writer.advance(dy, run.taps.length * channels * FLOAT_BYTES);
        });
      }
      writer.advance(rowIn, stride * this.#shape.sourceRowPitch);
      writer.advance(rowOut, this.#shape.rowPitch);
    });
    sums.forEach((sum, index) => {
      const row = taps.row + Math.floor(index / taps.columns);
      const column = taps.column + (index % taps.columns);
      const at = (row * kernelWidth + column) * channels * FLOAT_BYTES;
      // Added last, so that nothing waits for it.
      if (accumulate) writer.get(sum).loadVector(filters, at).addFloats().set(sum);
      writer.storeLanes(filters, at, sum, lanes);
    });
  }

  /** Adds the products of a tile of positions to the sums of some taps. */
  #addTile({ taps: columns }: ColumnTiles, taps: TapRange, pixel: Local, dy: Local): void {
    const writer = this.#writer;
    const { channels, dilation, sourcePitch, sourceRowPitch } = this.#shape;
    columns.forEach((_, position) => {
      writer.loadVector(dy, position * channels * FLOAT_BYTES).set(this.#gradients[position]!);
    });
    const readers = readersOf(columns, taps.column, taps.columns);
    for (let row = 0; row < taps.rows; row++) {
      const start = (taps.row + row) * dilation * sourceRowPitch;
      for (const [place, products] of readers) {
        writer.loadVector(pixel, start + place * sourcePitch).set(this.#value);
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

type Parameters4 = [Local, Local, Local, Local];
type Parameters5 = [...Parameters4, Local];
