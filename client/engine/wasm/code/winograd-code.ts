import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";
import {
  FILTER,
  FILTER_GRADIENT,
  OUTPUT,
  SquareTransform,
  TILE_IN,
  TILE_OUT,
  type Matrix,
} from "./winograd-transform.ts";

/** Images, or equal bands of them, as rows of tiles, and those tiles transformed. Pitches in bytes. */
interface TiledImages {
  readonly tileRows: number;
  readonly tilesWide: number;
  readonly channels: number;
  readonly positionPitch: number;
  readonly rowPitch: number;
  readonly imagePitch: number;
  /** Whether the images' address counts from the thread's scratch. */
  readonly fromScratch: boolean;
  /** Of `[PRODUCTS, images, tiles, channels]`, which lies in the scratch. */
  readonly transformed: TransformedPitches;
}

export interface TransformedPitches {
  readonly tilePitch: number;
  readonly imagePitch: number;
  readonly productPitch: number;
}

/** Positions of a tile. */
interface TileExtent {
  readonly rows: number;
  readonly columns: number;
}

/** From images to products. */
export interface TileTransform extends TiledImages {
  /** For inputs 4×4 positions that overlap, for an output's gradient 2×2. */
  readonly matrix: Matrix;
}

/**
 * Writes a `TileTransform`. Arguments: scratch, images, transformed (from the scratch's beginning),
 * number of images. Channels beyond the last are written too, with anything.
 */
export function writeTileTransform(writer: FunctionWriter, shape: TileTransform): void {
  const { rowPitch, positionPitch, transformed, matrix } = shape;
  const transform = new SquareTransform(writer, matrix);
  overTiles(writer, shape, { rows: TILE_OUT, columns: TILE_OUT }, (pixel, tile) => {
    transform.write(
      (row, column) => writer.loadVector(pixel, row * rowPitch + column * positionPitch),
      (row, column, value) => {
        writer.storeVector(tile, (row * TILE_IN + column) * transformed.productPitch, value);
      },
    );
  });
}

/** From products to images. */
export interface OutputTransform extends TiledImages {
  /** Positions of the last tile of a column and of a row of tiles that exist. */
  readonly last: TileExtent;
  /** Whether to add to what the output holds. */
  readonly accumulate: boolean;
}

/**
 * Writes an `OutputTransform`. Arguments: scratch, images, transformed (from the scratch's
 * beginning), number of images.
 */
export function writeOutputTransform(writer: FunctionWriter, shape: OutputTransform): void {
  const { rowPitch, positionPitch, transformed, accumulate } = shape;
  const transform = new SquareTransform(writer, OUTPUT);
  const output = writer.vector();
  overTiles(writer, shape, shape.last, (pixel, tile, { rows, columns }, lanes) => {
    transform.write(
      (row, column) => {
        writer.loadVector(tile, (row * TILE_IN + column) * transformed.productPitch);
      },
      (row, column, value) => {
        if (row >= rows || column >= columns) return;
        const at = row * rowPitch + column * positionPitch;
        value();
        if (accumulate) writer.loadVector(pixel, at).addFloats();
        writer.set(output).storeLanes(pixel, at, output, lanes);
      },
    );
  });
}

/** Visits each vector of channels of each tile: its first position, and where it is transformed. */
function overTiles(
  writer: FunctionWriter,
  shape: TiledImages,
  last: TileExtent,
  visit: (pixel: Local, tile: Local, extent: TileExtent, lanes: number) => void,
): void {
  const [scratch, images, transformed, count] = writer.parameters as Parameters4;
  const integers = Array.from({ length: 6 }, () => writer.integer()) as Locals6;
  const [row, tileRow, position, tilePosition, pixel, tile] = integers;
  const { tilePitch, imagePitch } = shape.transformed;

  const channels = (extent: TileExtent): void => {
    writer.offset(pixel, position, 0).offset(tile, tilePosition, 0);
    const whole = Math.floor(shape.channels / LANES);
    if (whole > 0) {
      writer.repeat(whole, () => {
        visit(pixel, tile, extent, LANES);
        writer.advance(pixel, VECTOR_BYTES).advance(tile, VECTOR_BYTES);
      });
    }
    const rest = shape.channels % LANES;
    if (rest > 0) visit(pixel, tile, extent, rest);
    writer.advance(position, TILE_OUT * shape.positionPitch).advance(tilePosition, tilePitch);
  };

  if (shape.fromScratch) writer.addInteger(images, scratch);
  writer.addInteger(transformed, scratch);
  writer.repeatVariable(count, () => {
    writer.offset(row, images, 0).offset(tileRow, transformed, 0);
    for (const rows of runs(shape.tileRows, last.rows)) {
      writer.repeat(rows.count, () => {
        writer.offset(position, row, 0).offset(tilePosition, tileRow, 0);
        for (const columns of runs(shape.tilesWide, last.columns)) {
          writer.repeat(columns.count, () => {
            channels({ rows: rows.extent, columns: columns.extent });
          });
        }
        writer.advance(row, TILE_OUT * shape.rowPitch);
        writer.advance(tileRow, shape.tilesWide * tilePitch);
      });
    }
    writer.advance(images, shape.imagePitch).advance(transformed, imagePitch);
  });
}

/** Tiles in a row or column: whole ones, then one that may be less. */
function runs(tiles: number, last: number): { count: number; extent: number }[] {
  if (last === TILE_OUT) return [{ count: tiles, extent: TILE_OUT }];
  return [
    { count: tiles - 1, extent: TILE_OUT },
    { count: 1, extent: last },
  ].filter(({ count }) => count > 0);
}

/** Filters 3×3, a matrix `[in, out]` for each tap, into panels of each product. */
export interface FilterTransform {
  readonly rows: number;
  /** In floats; a negative tap stride turns the filters around. */
  readonly rowStride: number;
  readonly columnStride: number;
  readonly tapStride: number;
  readonly vectors: number;
  /** Columns of the last vector that exist. */
  readonly lanes: number;
  /** From one panel to the next and from one product to the next, in bytes. */
  readonly panelPitch: number;
  readonly productPitch: number;
}

const TAPS = 3;

/** Writes a `FilterTransform`. Arguments: scratch (not used), first tap, panels, their number. */
export function writeFilterTransform(writer: FunctionWriter, shape: FilterTransform): void {
  const [, filters, packed, panels] = writer.parameters as Parameters4;
  const { rows, rowStride, columnStride, tapStride, vectors, lanes, productPitch } = shape;
  const transform = new SquareTransform(writer, FILTER);
  const taps = Array.from({ length: TAPS * TAPS }, () => writer.integer());
  const to = writer.integer();
  const columnBytes = columnStride * FLOAT_BYTES;
  writer.repeatVariable(panels, () => {
    taps.forEach((tap, i) => writer.offset(tap, filters, i * tapStride * FLOAT_BYTES));
    writer.offset(to, packed, 0);
    writer.repeat(rows, () => {
      for (let v = 0; v < vectors; v++) {
        const at = v * LANES * columnBytes;
        const count = v === vectors - 1 ? lanes : LANES;
        transform.write(
          (row, column) => {
            const tap = taps[row * TAPS + column]!;
            if (columnStride === 1 && count === LANES) writer.loadVector(tap, at);
            else writer.loadStrided(tap, at, columnBytes, count);
          },
          (row, column, value) => {
            const product = row * TILE_IN + column;
            writer.storeVector(to, product * productPitch + v * VECTOR_BYTES, value);
          },
        );
      }
      for (const tap of taps) writer.advance(tap, rowStride * FLOAT_BYTES);
      writer.advance(to, vectors * VECTOR_BYTES);
    });
    writer.advance(filters, vectors * LANES * columnBytes).advance(packed, shape.panelPitch);
  });
}

/** Products' gradients `[PRODUCTS, rows, columns]` to those of the filters, a matrix for each tap. */
export interface FilterGradientTransform {
  readonly columns: number;
  /** Of the products. */
  readonly rowPitch: number;
  readonly productPitch: number;
  /** Of the filters. */
  readonly filterPitch: number;
  readonly tapPitch: number;
  /** Whether to add to what the filters' gradient holds. */
  readonly accumulate: boolean;
}

/**
 * Writes a `FilterGradientTransform`. Arguments: scratch, products (from the scratch's beginning),
 * gradient of the filters, number of rows.
 */
export function writeFilterGradientTransform(
  writer: FunctionWriter,
  shape: FilterGradientTransform,
): void {
  const [scratch, products, filters, rows] = writer.parameters as Parameters4;
  const transform = new SquareTransform(writer, FILTER_GRADIENT);
  const [from, to] = [writer.integer(), writer.integer()];
  const result = writer.vector();
  const gradient = (lanes: number): void => {
    transform.write(
      (row, column) => writer.loadVector(from, (row * TILE_IN + column) * shape.productPitch),
      (row, column, value) => {
        const at = (row * TAPS + column) * shape.tapPitch;
        value();
        if (shape.accumulate) writer.loadVector(to, at).addFloats();
        writer.set(result).storeLanes(to, at, result, lanes);
      },
    );
  };
  writer.addInteger(products, scratch);
  writer.repeatVariable(rows, () => {
    writer.offset(from, products, 0).offset(to, filters, 0);
    const whole = Math.floor(shape.columns / LANES);
    if (whole > 0) {
      writer.repeat(whole, () => {
        gradient(LANES);
        writer.advance(from, VECTOR_BYTES).advance(to, VECTOR_BYTES);
      });
    }
    if (shape.columns % LANES > 0) gradient(shape.columns % LANES);
    writer.advance(products, shape.rowPitch).advance(filters, shape.filterPitch);
  });
}

type Parameters4 = [Local, Local, Local, Local];
type Locals6 = [Local, Local, Local, Local, Local, Local];
