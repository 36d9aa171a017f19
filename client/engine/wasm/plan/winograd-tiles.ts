import type { Pair } from "../../../../protocol/model/values.ts";
import type { Reading } from "../../program/operands.ts";
import { paddedInput, type PaddedInput } from "./padded-input.ts";
import { readerOf } from "./plan-epilogue.ts";
import { FLOAT_BYTES, LANES } from "../code/register-tile.ts";
import type { Call, Site } from "./stage.ts";
import { writeTileTransform, type TransformedPitches } from "../code/winograd-code.ts";
import { PRODUCTS, TILE_IN, TILE_OUT, type Matrix } from "../code/winograd-transform.ts";

export const LINE_BYTES = 64;

/** The input of a convolution 3×3 of stride 1, and the extent of its output. */
export interface TiledProblem {
  readonly x: Reading;
  readonly height: number;
  readonly width: number;
  readonly channelsIn: number;
  /** Zeros above the input and to its left. */
  readonly margins: Pair;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

/** How images are cut into bands of tiles, which are worked on together. */
export interface Bands {
  readonly count: number;
  /** Of a band. */
  readonly tileRows: number;
  readonly tilesWide: number;
}

/** Bands of nearly equal height, of about `mostTiles` tiles at most, one row of them at least. */
export function bandsOf(outputHeight: number, outputWidth: number, mostTiles: number): Bands {
  const tilesHigh = Math.ceil(outputHeight / TILE_OUT);
  const tilesWide = Math.ceil(outputWidth / TILE_OUT);
  const most = Math.max(1, Math.floor(mostTiles / tilesWide));
  const tileRows = Math.ceil(tilesHigh / Math.ceil(tilesHigh / most));
  return { count: Math.ceil(tilesHigh / tileRows), tileRows, tilesWide };
}

/** Transformed tiles of some images. */
export interface TransformedTiles {
  readonly pitches: TransformedPitches;
  readonly bytes: number;
}

/** Bytes of a tile's channels in one product. */
export function tilePitchOf(channels: number): number {
  return Math.ceil(channels / LANES) * LANES * FLOAT_BYTES;
}

/** How tiles lie: products a line apart from each other, not to crowd the cache. */
export function transformedTiles(
  channels: number,
  tiles: number,
  images: number,
  tilePitch = tilePitchOf(channels),
): TransformedTiles {
  const imagePitch = tiles * tilePitch;
  const productPitch = alignedAbove(images * imagePitch) + LINE_BYTES;
  return { pitches: { tilePitch, imagePitch, productPitch }, bytes: PRODUCTS * productPitch };
}

/** The images, padded, with zeros where tiles hang over the edge. */
export function tiledInput(
  site: Site,
  { x, height, width, channelsIn, margins, outputHeight, outputWidth }: TiledProblem,
): PaddedInput {
  const overlap = TILE_IN - TILE_OUT;
  return paddedInput(site, x, {
    height,
    width,
    channels: channelsIn,
    taken: channelsIn,
    pitch: channelsIn,
    top: margins[0],
    left: margins[1],
    paddedHeight: Math.ceil(outputHeight / TILE_OUT) * TILE_OUT + overlap,
    paddedWidth: Math.ceil(outputWidth / TILE_OUT) * TILE_OUT + overlap,
    reader: readerOf(x),
  });
}

/** Rows of tiles that a band has; the last may have less than the others. */
export function tileRowsOf({ tileRows }: Bands, outputHeight: number, band: number): number {
  return Math.min(tileRows, Math.ceil(outputHeight / TILE_OUT) - band * tileRows);
}

/** Images to be transformed, and how. */
export interface TileSource {
  readonly input: PaddedInput;
  readonly address: number;
  readonly channels: number;
  readonly matrix: Matrix;
  readonly count: number;
}

/** A band, and where in the scratch its transformed tiles go. */
export interface TilePlace {
  readonly bands: Bands;
  readonly band: number;
  readonly outputHeight: number;
  readonly address: number;
}

/** Transforms a band of each image. */
export function tileTransformCall(
  site: Site,
  { input, address, channels, matrix, count }: TileSource,
  { bands, band, outputHeight, address: target }: TilePlace,
  { pitches: transformed }: TransformedTiles,
): Call {
  const { positionPitch, rowPitch, imagePitch, fromScratch } = input;
  const shape = {
    tileRows: tileRowsOf(bands, outputHeight, band),
    tilesWide: bands.tilesWide,
    channels,
    positionPitch,
    rowPitch,
    imagePitch,
    fromScratch,
    transformed,
    matrix,
  };
  return [
    site.library.code("tile-transform", shape, 4, writeTileTransform),
    address + band * bands.tileRows * TILE_OUT * rowPitch,
    target,
    count,
  ];
}

/** The least multiple of a line of the cache that is not below. */
export function alignedAbove(bytes: number): number {
  return Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
}
