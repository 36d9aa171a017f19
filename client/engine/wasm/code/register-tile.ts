import type { FunctionWriter, Local } from "./assembler.ts";

/**
 * The innermost piece of every product here: a tile of sums that stays in registers, `height`
 * scalars by `vectors` vectors of four, to which each step adds an outer product.
 */

export const FLOAT_BYTES = 4;
export const LANES = 4;
export const VECTOR_BYTES = 16;

/** Rows of the highest tile. */
const LARGEST_HEIGHT = 6;
/** x86-64 has 16 vector registers, of which V8 keeps one. */
export const REGISTERS = 15;

export interface TileSize {
  readonly height: number;
  readonly vectors: number;
}

/** Equal tiles one after the other. */
export interface TileRun {
  readonly height: number;
  readonly count: number;
}

/** Cuts `length` rows into tiles of nearly equal height, the higher ones first. */
export function tileRuns(length: number, highest = LARGEST_HEIGHT): readonly TileRun[] {
  const tiles = Math.ceil(length / highest);
  const low = Math.floor(length / tiles);
  const high = length - low * tiles;
  return [
    { height: low + 1, count: high },
    { height: low, count: tiles - high },
  ].filter(({ count }) => count > 0);
}

/** How a product of `rows` × `columns` is cut into tiles. */
export interface Tiles {
  readonly rows: readonly TileRun[];
  readonly columns: readonly PanelRun[];
}

/** Vectors of the widest tile, two rows high, and the least that still is as fast. */
const WIDEST = 6;
const WIDE = 5;
/** Vectors of the highest tiles. */
const HIGH_VECTORS = 2;

/**
 * Cuts a product into tiles of 10 to 12 sums where it can: these hide the latency of the
 * multiply-add and leave registers for the operands. Two rows by six vectors is the fastest, as
 * six vectors use a row's scalar longest.
 */
export function tilesOf(rows: number, columns: number): Tiles {
  const wide = panelRuns(columns, WIDEST);
  if (rows % 2 === 0 && wide.every(({ vectors }) => vectors >= WIDE)) {
    return { rows: [{ height: 2, count: rows / 2 }], columns: wide };
  }
  return highTilesOf(rows, columns);
}

/** As `tilesOf`, but with columns cut alike for any number of rows. */
export function rowTilesOf(rows: number, columns: number): Tiles {
  const wide = panelRuns(columns, WIDEST);
  if (wide.some(({ vectors }) => vectors < WIDE)) {
    return { rows: tileRuns(rows), columns: panelRuns(columns, HIGH_VECTORS) };
  }
  const pairs = { height: 2, count: Math.floor(rows / 2) };
  const runs = [pairs, { height: 1, count: rows % 2 }].filter(({ count }) => count > 0);
  return { rows: runs, columns: wide };
}

/** Tiles up to six rows high: for products whose rows lie closer to each other than columns. */
export function highTilesOf(rows: number, columns: number): Tiles {
  const runs = tileRuns(rows);
  const height = Math.max(...runs.map((run) => run.height));
  const vectors = height >= 5 ? HIGH_VECTORS : height >= 3 ? 3 : WIDEST;
  return { rows: runs, columns: panelRuns(columns, vectors) };
}

/** Columns of a matrix that are worked on together. */
export interface PanelRun {
  /** First column. */
  readonly column: number;
  readonly vectors: number;
  /** Columns of the last vector that exist. */
  readonly lanes: number;
  /** Equal panels one after the other. */
  readonly count: number;
}

/** Cuts `columns` into panels of `vectors` vectors or fewer, avoiding narrow ones. */
function panelRuns(columns: number, vectors: number): readonly PanelRun[] {
  const total = Math.ceil(columns / LANES);
  const widths: number[] = [];
  for (let left = total; left > 0; left -= widths.at(-1)!) {
    const narrow = left > vectors && left < 2 * vectors ? Math.ceil(left / 2) : vectors;
    widths.push(Math.min(left, narrow));
  }
  const lastLanes = columns - (total - 1) * LANES;
  const runs: PanelRun[] = [];
  let column = 0;
  widths.forEach((width, index) => {
    const lanes = index === widths.length - 1 ? lastLanes : LANES;
    const last = runs.at(-1);
    if (last?.vectors === width && last.lanes === lanes) {
      runs[runs.length - 1] = { ...last, count: last.count + 1 };
    } else {
      runs.push({ column, vectors: width, lanes, count: 1 });
    }
    column += width * LANES;
  });
  return runs;
}

/** Registers of a function for tiles up to a size. */
export class TileRegisters {
  readonly #writer: FunctionWriter;
  readonly #sums: readonly Local[];
  readonly #row: readonly Local[];
  readonly #column: readonly Local[];

  constructor(writer: FunctionWriter, { height, vectors }: TileSize) {
    const registers = (count: number): Local[] =>
      Array.from({ length: count }, () => writer.vector());
    this.#writer = writer;
    this.#sums = registers(height * vectors);
    this.#row = registers(height);
    this.#column = registers(vectors);
  }

  /** Visits each sum of a tile. */
  each({ height, vectors }: TileSize, visit: (sum: Local, row: number, vector: number) => void) {
    for (let row = 0; row < height; row++) {
      for (let v = 0; v < vectors; v++) visit(this.#sums[row * vectors + v]!, row, v);
    }
  }

  /**
   * Adds an outer product.
   *
   * @param splat loads a row's scalar into all lanes
   * @param load loads a vector of columns
   */
  step(
    { height, vectors }: TileSize,
    splat: (row: number) => void,
    load: (vector: number) => void,
  ): void {
    const writer = this.#writer;
    const sums = height * vectors;
    const sum = (row: number, v: number): Local => this.#sums[row * vectors + v]!;
    const product = (row: number, v: number, a: Local, b: () => void): void => {
      writer.multiplyAdd(sum(row, v), () => writer.get(a), b);
    };
    if (sums + height + 1 <= REGISTERS && height < vectors) {
      for (let row = 0; row < height; row++) {
        splat(row);
        writer.set(this.#row[row]!);
      }
      for (let v = 0; v < vectors; v++) {
        load(v);
        writer.set(this.#column[0]!);
        for (let row = 0; row < height; row++) {
          product(row, v, this.#row[row]!, () => writer.get(this.#column[0]!));
        }
      }
      return;
    }
    // Where the vectors find no place in registers, each row loads them again.
    const held = sums + vectors + 1 <= REGISTERS;
    if (held) {
      for (let v = 0; v < vectors; v++) {
        load(v);
        writer.set(this.#column[v]!);
      }
    }
    for (let row = 0; row < height; row++) {
      splat(row);
      writer.set(this.#row[0]!);
      for (let v = 0; v < vectors; v++) {
        product(row, v, this.#row[0]!, () => {
          if (held) writer.get(this.#column[v]!);
          else load(v);
        });
      }
    }
  }
}
