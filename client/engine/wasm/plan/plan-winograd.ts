import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Convolver } from "./convolver.ts";
import type { PaddedInput } from "./padded-input.ts";
import { DensePlan, packedBytes } from "./plan-dense.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { imageBlocks, type Call, type ImageBlock, type Site, type Task } from "./stage.ts";
import { writeFilterTransform, writeOutputTransform } from "../code/winograd-code.ts";
import {
  alignedAbove,
  bandsOf,
  tiledInput,
  tileRowsOf,
  tileTransformCall,
  transformedTiles,
  type Bands,
  type TiledProblem,
  type TransformedTiles,
} from "./winograd-tiles.ts";
import { INPUT, PRODUCTS, TILE_OUT } from "../code/winograd-transform.ts";

/** A convolution 3×3 of stride 1. */
export interface WinogradProblem extends TiledProblem {
  readonly channelsOut: number;
  /** Addresses. */
  readonly weights: FilterPlace;
  readonly packedWeights: number;
  readonly output: number;
  readonly slices: number;
}

/** Filters `[3, 3]` of matrices; strides in floats. */
interface FilterPlace {
  /** Of the first tap. */
  readonly address: number;
  readonly tapStride: number;
  /** From one input channel to the next, and from one output channel. */
  readonly rowStride: number;
  readonly columnStride: number;
}

const TAPS = 3;
/**
 * Channels in and out from which on it is used; below, the transforms cost too much of what the
 * products save. Forward passes of 16 would gain too, by a factor of 1.6, but round a value of the
 * golden run that lies 2e-7 from zero to the other side of its rectifier.
 */
const FEWEST_CHANNELS = { forward: 32, gradient: 16 } as const;
/** What the tiles of a band and their products may take of the second-level cache. */
const BAND_BYTES = 256 * 1024;
/** With fewer tiles, weights would be fetched too often for what they are used. */
const FEWEST_TILES = 32;

/** Whether a convolution or a gradient of it is computed this way; nothing but shapes decides. */
export function suitsWinograd(
  geometry: ConvGeometry,
  direction: keyof typeof FEWEST_CHANNELS,
): boolean {
  const { kernelHeight, kernelWidth, stride, padding, dilation, groups } = geometry;
  return (
    kernelHeight === TAPS &&
    kernelWidth === TAPS &&
    [...stride, ...dilation].every((step) => step === 1) &&
    groups === 1 &&
    padding.every((size) => size < TAPS) &&
    Math.min(geometry.channelsIn, geometry.channelsOut) >= FEWEST_CHANNELS[direction]
  );
}

/** Bytes that the packed weights of such a convolution take. */
export function winogradWeightBytes(channelsIn: number, channelsOut: number): number {
  return PRODUCTS * packedBytes(channelsIn, channelsOut);
}

/** A convolution by Winograd's F(2×2, 3×3), band after band. */
export class WinogradPlan implements Convolver {
  readonly slices: number;
  readonly #site: Site;
  readonly #problem: WinogradProblem;
  readonly #input: PaddedInput;
  readonly #bands: Bands;
  readonly #tiles: TransformedTiles;
  readonly #products: TransformedTiles;
  readonly #dense: DensePlan;

  constructor(site: Site, problem: WinogradProblem) {
    const { channelsIn, channelsOut, outputHeight, outputWidth, slices } = problem;
    const columns = channelsOut / slices;
    this.slices = slices;
    this.#site = site;
    this.#problem = problem;
    this.#input = tiledInput(site, problem);
    const tileBytes = PRODUCTS * (channelsIn + columns) * FLOAT_BYTES;
    const mostTiles = Math.max(FEWEST_TILES, BAND_BYTES / tileBytes);
    this.#bands = bandsOf(outputHeight, outputWidth, mostTiles);
    // The fastest register tiles are two rows high: where the tiles are odd, one more is worked on.
    const tiles = evenAbove(this.#bands.tileRows * this.#bands.tilesWide);
    const images = imageBlocks(site, outputHeight * outputWidth)[0]!.count;
    this.#tiles = transformedTiles(channelsIn, tiles, images);
    this.#products = transformedTiles(columns, tiles, images);
    this.#dense = new DensePlan(
      site,
      {
        outputHeight: 1,
        outputWidth: tiles,
        inputPositionPitch: this.#tiles.pitches.tilePitch,
        inputRowPitch: 0,
        inputImagePitch: this.#tiles.pitches.imagePitch,
        outputPositionPitch: this.#products.pitches.tilePitch,
        outputRowPitch: 0,
        outputImagePitch: this.#products.pitches.imagePitch,
        windowRows: 1,
        windowPitch: 0,
        pieces: 1,
        piecePitch: 0,
        run: channelsIn,
        columns,
        slices,
        fromScratch: true,
        weightsFromScratch: false,
        stack: {
          count: PRODUCTS,
          inputPitch: this.#tiles.pitches.productPitch,
          outputPitch: this.#products.pitches.productPitch,
        },
      },
      problem.packedWeights,
    );
  }

  get packing(): Task[] {
    const { channelsIn, channelsOut, weights } = this.#problem;
    const { tapStride, rowStride, columnStride } = weights;
    return Array.from({ length: this.slices }, (_, slice) =>
      this.#dense.panels(slice).map((panel): Call => {
        const { vectors, lanes, count, panelPitch, stackPitch: productPitch } = panel;
        const strides = { rows: channelsIn, rowStride, columnStride, tapStride };
        const shape = { ...strides, vectors, lanes, panelPitch, productPitch };
        const column = (slice * channelsOut) / this.slices + panel.column;
        return [
          this.#site.library.code("filter-transform", shape, 4, writeFilterTransform),
          weights.address + column * columnStride * FLOAT_BYTES,
          panel.address,
          count,
        ];
      }),
    );
  }

  convolving(block: ImageBlock, slice: number, accumulate: boolean): Call[] {
    const input = this.#input;
    const { fromScratch, imagePitch } = input;
    const tiles = fromScratch ? alignedAbove(block.count * imagePitch) : 0;
    const products = tiles + this.#tiles.bytes;
    this.#site.needScratch(products + this.#products.bytes);
    const { calls, address } = input.block(block, 0);
    return [
      ...calls,
      ...Array.from({ length: this.#bands.count }, (_, band) => [
        this.#transformInput(address, tiles, band, block),
        ...this.#dense.convolving(slice, tiles, products, block.count, false),
        this.#transformOutput(products, band, block, slice, accumulate),
      ]).flat(),
    ];
  }

  #transformInput(address: number, tiles: number, band: number, { count }: ImageBlock): Call {
    const { channelsIn: channels, outputHeight } = this.#problem;
    const images = { input: this.#input, address, channels, matrix: INPUT, count };
    const place = { bands: this.#bands, band, outputHeight, address: tiles };
    return tileTransformCall(this.#site, images, place, this.#tiles);
  }

  #transformOutput(
    products: number,
    band: number,
    { image, count }: ImageBlock,
    slice: number,
    accumulate: boolean,
  ): Call {
    const { outputHeight, outputWidth, channelsOut, output } = this.#problem;
    const { tilesWide } = this.#bands;
    const tileRows = tileRowsOf(this.#bands, outputHeight, band);
    const row = band * this.#bands.tileRows * TILE_OUT;
    const columns = channelsOut / this.slices;
    const positionPitch = channelsOut * FLOAT_BYTES;
    const rowPitch = outputWidth * positionPitch;
    const imagePitch = outputHeight * rowPitch;
    const shape = {
      tileRows,
      tilesWide,
      channels: columns,
      positionPitch,
      rowPitch,
      imagePitch,
      fromScratch: false,
      transformed: this.#products.pitches,
      last: {
        rows: Math.min(TILE_OUT, outputHeight - row - (tileRows - 1) * TILE_OUT),
        columns: outputWidth - (tilesWide - 1) * TILE_OUT,
      },
      accumulate,
    };
    return [
      this.#site.library.code("output-transform", shape, 4, writeOutputTransform),
      output + image * imagePitch + row * rowPitch + slice * columns * FLOAT_BYTES,
      products,
      count,
    ];
  }
}

function evenAbove(count: number): number {
  return 2 * Math.ceil(count / 2);
}
