import { stored } from "../../program/program-writer.ts";
import type { FilterGradientKernel } from "../../program/kernels/convolution.ts";
import { paddedInput, type PaddedInput } from "./padded-input.ts";
import {
  alignedAbove,
  bandsOf,
  LINE_BYTES,
  tiledInput,
  tilePitchOf,
  tileRowsOf,
  tileTransformCall,
  transformedTiles,
  type Bands,
  type TransformedTiles,
} from "./winograd-tiles.ts";
import { FLOAT_BYTES, highTilesOf } from "../code/register-tile.ts";
import type { Call, ImageBlock, Site, Task } from "./stage.ts";
import { writeWindowGradient, type WindowGradient } from "../code/window-gradient-code.ts";
import { writeFilterGradientTransform } from "../code/winograd-code.ts";
import { INPUT, OUTPUT_GRADIENT, PRODUCTS, TILE_OUT } from "../code/winograd-transform.ts";

/** Images that one part sums. */
export interface ImageSpan {
  readonly group: number;
  readonly first: number;
  readonly end: number;
}

/** What the tiles worked on together may take of the second-level cache. */
const TILES_BYTES = 256 * 1024;
/** With fewer tiles, loading and storing sums would cost too much; more gain nothing. */
const FEWEST_TILES = 64;
const MOST_TILES = 256;

/** From this pitch on. */
const CROWDED_BYTES = 512;

/** Where things lie in a thread's scratch. */
interface Places {
  readonly gradient: number;
  readonly tiles: number;
  readonly gradientTiles: number;
  readonly products: number;
}

/** A filter gradient of F(2×2, 3×3): products' gradients are summed, and transformed at the end. */
export class WinogradPartSums {
  readonly #site: Site;
  readonly #kernel: FilterGradientKernel;
  readonly #columns: number;
  readonly #input: PaddedInput;
  /** The output's gradient, with zeros where tiles hang over the edge. */
  readonly #gradient: PaddedInput;
  readonly #bands: Bands;
  /** Images worked on together. */
  readonly #images: number;
  readonly #tiles: TransformedTiles;
  readonly #gradientTiles: TransformedTiles;
  readonly #products: TransformedTiles;
  readonly #places: Places;

  constructor(site: Site, kernel: FilterGradientKernel, slices: number) {
    const { geometry, x, dy } = kernel;
    const { channelsIn, channelsOut, outputHeight, outputWidth } = geometry;
    this.#site = site;
    this.#kernel = kernel;
    this.#columns = channelsOut / slices;
    this.#input = tiledInput(site, {
      x,
      height: geometry.inputHeight,
      width: geometry.inputWidth,
      channelsIn,
      margins: geometry.padding,
      outputHeight,
      outputWidth,
    });
    this.#gradient = paddedInput(site, stored(dy), {
      height: outputHeight,
      width: outputWidth,
      channels: channelsOut,
      taken: channelsOut,
      pitch: channelsOut,
      top: 0,
      left: 0,
      paddedHeight: Math.ceil(outputHeight / TILE_OUT) * TILE_OUT,
      paddedWidth: Math.ceil(outputWidth / TILE_OUT) * TILE_OUT,
      reader: "plain",
    });
    const tileBytes = PRODUCTS * (channelsIn + this.#columns) * FLOAT_BYTES;
    const fitting = Math.floor(TILES_BYTES / tileBytes);
    const most = Math.min(MOST_TILES, Math.max(FEWEST_TILES, fitting));
    this.#bands = bandsOf(outputHeight, outputWidth, most);
    const { tileRows, tilesWide } = this.#bands;
    const tiles = tileRows * tilesWide;
    this.#images =
      this.#bands.count > 1 ? 1 : Math.min(site.groupSize, Math.max(1, Math.floor(most / tiles)));
    this.#tiles = transformedTiles(channelsIn, tiles, this.#images, spacedPitch(channelsIn));
    this.#gradientTiles = transformedTiles(this.#columns, tiles, this.#images);
    this.#products = transformedTiles(this.#columns, channelsIn, 1);
    this.#places = this.#arrange();
  }

  /** Sums a span of images into the gradient at an address, for one slice of output channels. */
  task({ group, first, end }: ImageSpan, slice: number, target: number): Task {
    const column = slice * this.#columns * FLOAT_BYTES;
    const calls: Call[] = [];
    for (let image = first; image < end; image += this.#images) {
      const count = Math.min(this.#images, end - image);
      const block = { group, image, count, part: 0 };
      const input = this.#input.block(block, 0);
      const gradient = this.#gradient.block(block, 0, this.#places.gradient);
      calls.push(...input.calls, ...gradient.calls);
      for (let band = 0; band < this.#bands.count; band++) {
        calls.push(
          this.#transformInput(input.address, band, block),
          this.#transformGradient(gradient.address + column, band, block),
          ...this.#multiply(band, block, image > first || band > 0),
        );
      }
    }
    return [...calls, this.#transformProducts(target + column)];
  }

  #arrange(): Places {
    const images = this.#images;
    const scratch = ({ fromScratch, imagePitch }: PaddedInput): number =>
      fromScratch ? alignedAbove(images * imagePitch) : 0;
    const gradient = scratch(this.#input);
    const tiles = gradient + scratch(this.#gradient);
    const gradientTiles = tiles + this.#tiles.bytes;
    const products = gradientTiles + this.#gradientTiles.bytes;
    this.#site.needScratch(products + this.#products.bytes);
    return { gradient, tiles, gradientTiles, products };
  }

  #transformInput(address: number, band: number, { count }: ImageBlock): Call {
    const { channelsIn: channels, outputHeight } = this.#kernel.geometry;
    const images = { input: this.#input, address, channels, matrix: INPUT, count };
    const place = { bands: this.#bands, band, outputHeight, address: this.#places.tiles };
    return tileTransformCall(this.#site, images, place, this.#tiles);
  }

  #transformGradient(address: number, band: number, { count }: ImageBlock): Call {
    const { outputHeight } = this.#kernel.geometry;
    const channels = this.#columns;
    const images = { input: this.#gradient, address, channels, matrix: OUTPUT_GRADIENT, count };
    const place = { bands: this.#bands, band, outputHeight, address: this.#places.gradientTiles };
    return tileTransformCall(this.#site, images, place, this.#gradientTiles);
  }

  /** Products' gradients: of each product a matrix, input tiles × gradient tiles. */
  #multiply(band: number, { count: images }: ImageBlock, accumulate: boolean): Call[] {
    const { channelsIn, outputHeight } = this.#kernel.geometry;
    const { tilePitch: inputPositionPitch, imagePitch: inputImagePitch } = this.#tiles.pitches;
    const { tilePitch: positionPitch, imagePitch } = this.#gradientTiles.pitches;
    const cut = highTilesOf(channelsIn, this.#columns);
    return cut.columns.map(({ column, vectors, lanes, count }): Call => {
      const shape: WindowGradient = {
        outputWidth: tileRowsOf(this.#bands, outputHeight, band) * this.#bands.tilesWide,
        inputPositionPitch,
        inputRowPitch: 0,
        inputImagePitch,
        positionPitch,
        rowPitch: 0,
        imagePitch,
        windowRows: 1,
        windowPitch: 0,
        pieces: 1,
        piecePitch: 0,
        tiles: cut.rows,
        gradientPitch: this.#products.pitches.tilePitch,
        vectors,
        lanes,
        accumulate,
        fromScratch: true,
        gradientFromScratch: true,
        toScratch: true,
        stack: {
          count: PRODUCTS,
          inputPitch: this.#tiles.pitches.productPitch,
          outputGradientPitch: this.#gradientTiles.pitches.productPitch,
          gradientPitch: this.#products.pitches.productPitch,
        },
      };
      const at = column * FLOAT_BYTES;
      return [
        this.#site.library.code("window-gradient", shape, 7, writeWindowGradient),
        this.#places.tiles,
        this.#places.gradientTiles + at,
        this.#places.products + at,
        images,
        1,
        count,
      ];
    });
  }

  #transformProducts(target: number): Call {
    const { geometry, workspace } = this.#kernel;
    const { channelsIn, channelsOut } = geometry;
    const filterPitch = channelsOut * FLOAT_BYTES;
    const shape = {
      columns: this.#columns,
      rowPitch: this.#products.pitches.tilePitch,
      productPitch: this.#products.pitches.productPitch,
      filterPitch,
      tapPitch: channelsIn * filterPitch,
      accumulate: workspace === undefined,
    };
    return [
      this.#site.library.code("filter-gradient", shape, 4, writeFilterGradientTransform),
      this.#places.products,
      target,
      channelsIn,
    ];
  }
}

/** Bytes from one tile to the next: a power of two would crowd the cache, where tiles are summed. */
function spacedPitch(channels: number): number {
  const pitch = tilePitchOf(channels);
  return pitch % CROWDED_BYTES === 0 ? pitch + LINE_BYTES : pitch;
}
