import type { Tap } from "../../program/kernels/window-taps.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, LANES, REGISTERS, VECTOR_BYTES } from "./register-tile.ts";

/** Weights of a row of the window that are in registers at once. */
const MOST_WEIGHTS = 7;

/** Results of a row that are worked on together: their sums, a row's weights and one value in registers. */
export function mostResults(kernelWidth: number): number {
  return REGISTERS - 1 - Math.min(MOST_WEIGHTS, kernelWidth);
}

/** Equal tiles of a row of results, one after the other. */
export interface ColumnTiles {
  /** What each result of a tile reads of a row. */
  readonly taps: readonly (readonly Tap[])[];
  readonly count: number;
  /** Places that the next tile reads further on. */
  readonly advance: number;
}

/**
 * A convolution of each channel with a filter of its own, over padded rows in the thread's scratch, or
 * the gradient of one: what each result reads is said place by place. All pitches in bytes.
 */
export interface DepthwiseRows {
  readonly channels: number;
  /** Taps of a row of the filters, `[kh, kw, channels]`. */
  readonly kernelWidth: number;
  /** What each row of a period of them reads; the next period reads `rowAdvance` rows further on. */
  readonly rows: readonly (readonly Tap[])[];
  readonly rowAdvance: number;
  /** Whole periods, and rows of one that is not. */
  readonly periods: number;
  readonly rest: number;
  readonly columns: readonly ColumnTiles[];
  readonly sourcePitch: number;
  readonly sourceRowPitch: number;
  readonly rowPitch: number;
  /** Whether to add to what the results' memory holds. */
  readonly accumulate: boolean;
}

/** Writes `DepthwiseRows`. Arguments: scratch, filters, results. */
export function writeDepthwiseRows(writer: FunctionWriter, shape: DepthwiseRows): void {
  const [source, weights, target] = writer.parameters as [Local, Local, Local];
  const { channels, rows, periods, rest, columns, sourcePitch, sourceRowPitch } = shape;
  const integers = Array.from({ length: 5 }, () => writer.integer());
  const [pixel, result, x, w, y] = integers as [Local, Local, Local, Local, Local];
  const positionBytes = channels * FLOAT_BYTES;
  const vectors = Math.floor(channels / LANES);
  const tile = new TileWriter(writer, shape);

  const row = (taps: readonly Tap[]): void => {
    writer.offset(pixel, source, 0).offset(result, target, 0);
    for (const run of columns) {
      writer.repeat(run.count, () => {
        writer.offset(x, pixel, 0).offset(w, weights, 0).offset(y, result, 0);
        if (vectors > 0) {
          writer.repeat(vectors, () => {
            tile.write(taps, run.taps, [x, w, y], LANES);
            for (const pointer of [x, w, y]) writer.advance(pointer, VECTOR_BYTES);
          });
        }
        const left = channels % LANES;
        if (left > 0) tile.write(taps, run.taps, [x, w, y], left);
        writer.advance(pixel, run.advance * sourcePitch);
        writer.advance(result, run.taps.length * positionBytes);
      });
    }
    writer.advance(target, shape.rowPitch);
  };

  if (periods > 0) {
    writer.repeat(periods, () => {
      for (const taps of rows) row(taps);
      writer.advance(source, shape.rowAdvance * sourceRowPitch);
    });
  }
  for (const taps of rows.slice(0, rest)) row(taps);
}

/** Code for neighbouring results of one vector of channels. */
class TileWriter {
  readonly #writer: FunctionWriter;
  readonly #shape: DepthwiseRows;
  readonly #sums: readonly Local[];
  readonly #weights: readonly Local[];
  readonly #value: Local;

  constructor(writer: FunctionWriter, shape: DepthwiseRows) {
    const widest = Math.max(...shape.columns.map(({ taps }) => taps.length));
    this.#writer = writer;
    this.#shape = shape;
    this.#sums = Array.from({ length: widest }, () => writer.vector());
    this.#weights = Array.from({ length: Math.min(MOST_WEIGHTS, shape.kernelWidth) }, () =>
      writer.vector(),
    );
    this.#value = writer.vector();
  }

  write(
    rows: readonly Tap[],
    columns: readonly (readonly Tap[])[],
    [x, w, y]: readonly [Local, Local, Local],
    lanes: number,
  ): void {
    const writer = this.#writer;
    const { channels, kernelWidth, accumulate } = this.#shape;
    const positionBytes = channels * FLOAT_BYTES;
    columns.forEach((_, result) => {
      if (accumulate) writer.loadVector(y, result * positionBytes);
      else writer.zeroVector();
      writer.set(this.#sums[result]!);
    });
    for (const row of rows) {
      for (let first = 0; first < kernelWidth; first += MOST_WEIGHTS) {
        const held = this.#weights.slice(0, kernelWidth - first);
        this.#addRow(row, columns, first, held, x, w);
      }
    }
    columns.forEach((_, result) => {
      writer.storeLanes(y, result * positionBytes, this.#sums[result]!, lanes);
    });
  }

  /** Adds what some taps of a row of the window, from the `first` on, give to each sum. */
  #addRow(
    row: Tap,
    columns: readonly (readonly Tap[])[],
    first: number,
    held: readonly Local[],
    x: Local,
    w: Local,
  ): void {
    const writer = this.#writer;
    const { channels, kernelWidth, sourcePitch, sourceRowPitch } = this.#shape;
    const readers = readersOf(columns, first, held.length);
    const used = new Set([...readers.values()].flat().map(({ tap }) => tap));
    for (const tap of used) {
      const at = (row.tap * kernelWidth + tap) * channels * FLOAT_BYTES;
      writer.loadVector(w, at).set(held[tap - first]!);
    }
    for (const [place, products] of readers) {
      writer.loadVector(x, row.from * sourceRowPitch + place * sourcePitch).set(this.#value);
      for (const { result, tap } of products) {
        writer.multiplyAdd(
          this.#sums[result]!,
          () => writer.get(this.#value),
          () => writer.get(held[tap - first]!),
        );
      }
    }
  }
}

/** A value that is read, times the weight of a tap, is part of a result. */
interface Product {
  readonly result: number;
  readonly tap: number;
}

/** Places of a row in order, each with the products that it is part of, of `count` taps from a first on. */
export function readersOf(
  columns: readonly (readonly Tap[])[],
  first: number,
  count: number,
): ReadonlyMap<number, readonly Product[]> {
  const readers = new Map<number, Product[]>();
  columns.forEach((taps, result) => {
    for (const { from, tap } of taps) {
      if (tap < first || tap >= first + count) continue;
      readers.set(from, [...(readers.get(from) ?? []), { result, tap }]);
    }
  });
  return new Map([...readers].toSorted(([a], [b]) => a - b));
}
