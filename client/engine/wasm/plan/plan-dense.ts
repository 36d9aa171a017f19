import {
  writeDenseConvolution,
  type DenseConvolution,
  type Stack,
} from "../code/dense-convolution-code.ts";
import { writePanelPacking } from "../code/pack-weights-code.ts";
import {
  FLOAT_BYTES,
  tilesOf,
  VECTOR_BYTES,
  type PanelRun,
  type Tiles,
} from "../code/register-tile.ts";
import type { Call, Site, Task } from "./stage.ts";

/** Weights of a panel that are used together: they stay in the first-level cache. */
const CHUNK_BYTES = 24 * 1024;
/** Below this many steps, loading and storing sums would cost more than the cache saves. */
const SHORTEST_CHUNK = 64;

/** A dense convolution of all its channels: what `DenseConvolution` is cut from. */
export type DenseShape = Omit<
  DenseConvolution,
  "tiles" | "vectors" | "lanes" | "panelPitch" | "accumulate" | "stack" | "toScratch"
> & {
  readonly outputWidth: number;
  /** Output channels of a slice, and number of slices. */
  readonly columns: number;
  readonly slices: number;
  /** Several convolutions whose outputs lie in the thread's scratch; one that does not if left out. */
  readonly stack?: Omit<Stack, "weightsPitch">;
};

/** Where some panels of packed weights lie. */
export interface PackedPanels extends PanelRun {
  readonly address: number;
  /** From one panel to the next, and from one convolution of a stack to the next. */
  readonly panelPitch: number;
  readonly stackPitch: number;
}

/** Part of a weight matrix in memory, row and column strides in floats. */
export interface WeightRows {
  readonly address: number;
  readonly rows: number;
  readonly rowStride: number;
  readonly columnStride: number;
  /** Row of the packed matrix where these rows begin. */
  readonly at: number;
}

/** Bytes that `columns` × `rows` packed weights take. */
export function packedBytes(rows: number, columns: number): number {
  return rows * Math.ceil(columns / 4) * VECTOR_BYTES;
}

const ONE = { count: 1, inputPitch: 0, outputPitch: 0 };

/** Packs weights for a dense convolution and calls it, slice by slice. */
export class DensePlan {
  readonly #site: Site;
  readonly #shape: DenseShape;
  /** Address of the packed weights. */
  readonly #weights: number;
  readonly #steps: number;
  readonly #tiles: Tiles;
  readonly #known = new Map<boolean, readonly Pass[]>();

  constructor(
    site: Site,
    shape: DenseShape,
    weights: number,
    tiles = tilesOf(shape.outputWidth, shape.columns),
  ) {
    this.#site = site;
    this.#shape = shape;
    this.#weights = weights;
    this.#steps = shape.windowRows * shape.pieces * shape.run;
    this.#tiles = tiles;
  }

  /** Bytes of packed weights. */
  get packedBytes(): number {
    return (this.#shape.stack?.count ?? 1) * this.#stackPitch;
  }

  /** Where the panels of a slice lie, of a stack those of its first convolution. */
  panels(slice: number): PackedPanels[] {
    return this.#tiles.columns.map((panel) => ({
      ...panel,
      address: this.#packed(slice, panel),
      panelPitch: this.#steps * panel.vectors * VECTOR_BYTES,
      stackPitch: this.#stackPitch,
    }));
  }

  get #stackPitch(): number {
    return this.#shape.slices * this.#sliceBytes;
  }

  get #sliceBytes(): number {
    return packedBytes(this.#steps, this.#shape.columns);
  }

  /** Tasks that pack some rows of the weights, all slices. */
  packing(weights: WeightRows): Task[] {
    const { slices } = this.#shape;
    return Array.from({ length: slices }, (_, slice) => this.packingOf(slice, weights));
  }

  /** Calls that pack some rows of a slice's weights. */
  packingOf(slice: number, { address, rows, rowStride, columnStride, at }: WeightRows): Call[] {
    const { columns, weightsFromScratch: toScratch } = this.#shape;
    return this.panels(slice).map((panel): Call => {
      const { vectors, lanes, count, panelPitch } = panel;
      const strides = { rowStride, columnStride };
      const shape = { rows, ...strides, vectors, lanes, panelPitch, toScratch };
      const column = slice * columns + panel.column;
      return [
        this.#site.library.code("panel-packing", shape, 4, writePanelPacking),
        address + column * columnStride * FLOAT_BYTES,
        panel.address + at * vectors * VECTOR_BYTES,
        count,
      ];
    });
  }

  /**
   * Calls that convolve a slice.
   *
   * @param accumulate whether to add to what the output holds.
   */
  convolving(
    slice: number,
    input: number,
    output: number,
    images: number,
    accumulate: boolean,
  ): Call[] {
    const { columns, stack } = this.#shape;
    // In scratch there are the columns of this slice only.
    const first = stack ? 0 : slice * columns;
    const weights = this.#weights + slice * this.#sliceBytes;
    return this.#passes(accumulate).map(({ code, from, at, column, count }): Call => [
      code,
      input + from,
      weights + at,
      output + (first + column) * FLOAT_BYTES,
      images,
      count,
    ]);
  }

  /** What is done to any slice and block, the same each time. */
  #passes(accumulate: boolean): readonly Pass[] {
    const known = this.#known.get(accumulate);
    if (known) return known;
    const { slices: _slices, columns: _columns, outputWidth: _width, ...rest } = this.#shape;
    const { stack, ...dense } = rest;
    const [{ address: start }] = this.panels(0) as [PackedPanels];
    const passes = this.panels(0).flatMap((panel) => {
      const { address, column, vectors, lanes, count, panelPitch, stackPitch } = panel;
      return this.#chunks(vectors).map(({ rows, pieces, run, input: from, at }, index): Pass => {
        const shape: DenseConvolution = {
          ...dense,
          tiles: this.#tiles.rows,
          windowRows: rows,
          pieces,
          run,
          vectors,
          lanes,
          panelPitch,
          accumulate: accumulate || index > 0,
          toScratch: stack !== undefined,
          stack: { ...(stack ?? ONE), weightsPitch: stackPitch },
        };
        const code = this.#site.library.code("dense-convolution", shape, 6, writeDenseConvolution);
        return { code, from, at: address - start + at * vectors * VECTOR_BYTES, column, count };
      });
    });
    this.#known.set(accumulate, passes);
    return passes;
  }

  #packed(slice: number, panel: PanelRun): number {
    const before = (panel.column / 4) * VECTOR_BYTES * this.#steps;
    return this.#weights + slice * this.#sliceBytes + before;
  }

  /** Cuts the window into chunks whose weights fit the cache. */
  #chunks(vectors: number): readonly Chunk[] {
    const { windowRows, windowPitch, pieces, piecePitch, run } = this.#shape;
    const longest = CHUNK_BYTES / (vectors * VECTOR_BYTES);
    if (this.#steps <= longest) return [{ rows: windowRows, pieces, run, input: 0, at: 0 }];
    let parts = Math.ceil(run / longest);
    while (run % parts > 0) parts++;
    const length = run / parts >= SHORTEST_CHUNK ? run / parts : run;
    const lines = Array.from({ length: windowRows * pieces }, (_, line) => ({
      input: Math.floor(line / pieces) * windowPitch + (line % pieces) * piecePitch,
      at: line * run,
    }));
    return lines.flatMap(({ input, at }) =>
      Array.from({ length: run / length }, (_, part) => ({
        rows: 1,
        pieces: 1,
        run: length,
        input: input + part * length * FLOAT_BYTES,
        at: at + part * length,
      })),
    );
  }
}

/** A panel's product with a chunk of the window. */
interface Pass {
  readonly code: number;
  /** Bytes from the window's beginning, and from that of a slice's weights. */
  readonly from: number;
  readonly at: number;
  /** First column of the slice, and number of panels. */
  readonly column: number;
  readonly count: number;
}

/** A part of a window. */
interface Chunk {
  readonly rows: number;
  readonly pieces: number;
  readonly run: number;
  /** Bytes from the window's beginning, and the first of its steps. */
  readonly input: number;
  readonly at: number;
}

/** How a row of a window lies in memory: contiguous, or each column by itself where they lie apart. */
export function windowPieces(
  columns: number,
  channels: number,
  spread: number,
  positionPitch: number,
): Pick<DenseShape, "pieces" | "piecePitch" | "run"> {
  return spread === 1
    ? { pieces: 1, piecePitch: 0, run: columns * channels }
    : { pieces: columns, piecePitch: spread * positionPitch, run: channels };
}
