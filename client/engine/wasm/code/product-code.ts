import type { FunctionWriter, Local } from "./assembler.ts";
import {
  FLOAT_BYTES,
  LANES,
  TileRegisters,
  tilesOf,
  VECTOR_BYTES,
  type PanelRun,
  type Tiles,
} from "./register-tile.ts";

/** Steps written out per turn of the innermost loop. */
const UNROLL = 4;

/** c = factor·a·b, pitches in values, columns of c next to each other. */
export interface Product {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly factor: number;
  readonly a: { readonly row: number; readonly column: number };
  readonly b: { readonly row: number; readonly column: number };
  readonly c: { readonly row: number };
}

/** Bytes of scratch that a product needs: b in panels of columns. */
export function productScratch({ depth, columns }: Product): number {
  return depth * Math.ceil(columns / LANES) * VECTOR_BYTES;
}

/** Writes a `Product`. Arguments: scratch, a, b, c. */
export function writeProduct(writer: FunctionWriter, shape: Product): void {
  const [scratch, a, b, c] = writer.parameters as [Local, Local, Local, Local];
  const tiles = tilesOf(shape.rows, shape.columns);
  packPanels(writer, shape, tiles, scratch, b);
  const multiply = new TileProduct(writer, shape, tiles);
  const panel = writer.integer();
  writer.offset(panel, scratch, 0);
  for (const run of tiles.columns) {
    writer.repeat(run.count, () => {
      multiply.panel(run, a, panel, c);
      writer.advance(panel, shape.depth * run.vectors * VECTOR_BYTES);
      writer.advance(c, run.vectors * VECTOR_BYTES);
    });
  }
}

/** `[panels, depth, 4·vectors]` of each run, one after the other. */
function packPanels(
  writer: FunctionWriter,
  { depth, b }: Product,
  { columns: runs }: Tiles,
  scratch: Local,
  matrix: Local,
): void {
  const from = writer.integer();
  const column = writer.integer();
  const to = writer.integer();
  const columnBytes = b.column * FLOAT_BYTES;
  writer.offset(column, matrix, 0).offset(to, scratch, 0);
  for (const { vectors, lanes, count } of runs) {
    writer.repeat(count, () => {
      writer.offset(from, column, 0);
      writer.repeat(depth, () => {
        for (let v = 0; v < vectors; v++) {
          const existing = v === vectors - 1 ? lanes : LANES;
          writer.storeVector(to, v * VECTOR_BYTES, () => {
            if (b.column === 1 && existing === LANES) writer.loadVector(from, v * VECTOR_BYTES);
            else writer.loadStrided(from, v * LANES * columnBytes, columnBytes, existing);
          });
        }
        writer.advance(from, b.row * FLOAT_BYTES).advance(to, vectors * VECTOR_BYTES);
      });
      writer.advance(column, vectors * LANES * columnBytes);
    });
  }
}

/** All rows of a by one panel of b. */
class TileProduct {
  readonly #writer: FunctionWriter;
  readonly #shape: Product;
  readonly #tiles: Tiles;
  readonly #registers: TileRegisters;
  readonly #rowIn: Local;
  readonly #rowOut: Local;
  readonly #left: Local;
  readonly #right: Local;
  readonly #value: Local;

  constructor(writer: FunctionWriter, shape: Product, tiles: Tiles) {
    this.#writer = writer;
    this.#shape = shape;
    this.#tiles = tiles;
    const height = Math.max(...tiles.rows.map((run) => run.height));
    const vectors = Math.max(...tiles.columns.map((run) => run.vectors));
    this.#registers = new TileRegisters(writer, { height, vectors });
    this.#rowIn = writer.integer();
    this.#rowOut = writer.integer();
    this.#left = writer.integer();
    this.#right = writer.integer();
    this.#value = writer.vector();
  }

  panel(run: PanelRun, a: Local, panel: Local, c: Local): void {
    const writer = this.#writer;
    const { a: left, c: target } = this.#shape;
    writer.offset(this.#rowIn, a, 0).offset(this.#rowOut, c, 0);
    for (const { height, count } of this.#tiles.rows) {
      writer.repeat(count, () => {
        this.#tile(height, run, panel);
        writer.advance(this.#rowIn, height * left.row * FLOAT_BYTES);
        writer.advance(this.#rowOut, height * target.row * FLOAT_BYTES);
      });
    }
  }

  #tile(height: number, { vectors, lanes }: PanelRun, panel: Local): void {
    const writer = this.#writer;
    const { depth, factor, c } = this.#shape;
    const size = { height, vectors };
    const value = this.#value;
    this.#registers.each(size, (sum) => writer.zeroVector().set(sum));
    writer.offset(this.#left, this.#rowIn, 0).offset(this.#right, panel, 0);
    const turns = Math.floor(depth / UNROLL);
    if (turns > 0) writer.repeat(turns, () => this.#steps(height, vectors, UNROLL));
    this.#steps(height, vectors, depth % UNROLL);
    this.#registers.each(size, (sum, row, v) => {
      const at = row * c.row * FLOAT_BYTES + v * VECTOR_BYTES;
      writer.get(sum);
      if (factor !== 1) writer.splat(factor).multiplyFloats();
      writer.set(value).storeLanes(this.#rowOut, at, value, v === vectors - 1 ? lanes : LANES);
    });
  }

  #steps(height: number, vectors: number, count: number): void {
    const writer = this.#writer;
    const { row, column } = this.#shape.a;
    const panelBytes = vectors * VECTOR_BYTES;
    for (let step = 0; step < count; step++) {
      this.#registers.step(
        { height, vectors },
        (r) => writer.loadSplat(this.#left, (step * column + r * row) * FLOAT_BYTES),
        (v) => writer.loadVector(this.#right, step * panelBytes + v * VECTOR_BYTES),
      );
    }
    writer.advance(this.#left, count * column * FLOAT_BYTES);
    writer.advance(this.#right, count * panelBytes);
  }
}
