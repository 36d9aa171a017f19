import type { Reading } from "../../program/operands.ts";
import { writeImagePadding } from "../code/pad-images-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { coefficientsOf, readerOf } from "./plan-epilogue.ts";
import type { Call, ImageBlock, Site } from "./stage.ts";

/** Which channels of a row are read, and how far apart rows then are, in floats. */
interface RowShape {
  /** Of a row in memory. */
  readonly channels: number;
  readonly taken: number;
  /** Where rows are brought into scratch. */
  readonly pitch: number;
}

/** Rows as a product reads them: as they are, or brought into scratch. */
export class RowInput {
  /** Whether addresses count from the thread's scratch. */
  readonly fromScratch: boolean;
  /** Bytes from one row to the next. */
  readonly rowPitch: number;
  readonly #site: Site;
  readonly #reading: Reading;
  readonly #shape: RowShape;

  constructor(site: Site, reading: Reading, shape: RowShape) {
    const { channels, taken, pitch } = shape;
    this.#site = site;
    this.#reading = reading;
    this.#shape = shape;
    this.fromScratch = reading.affine !== undefined || taken !== channels || pitch !== taken;
    this.rowPitch = pitch * FLOAT_BYTES;
  }

  /**
   * Address of a block's rows, each row an image of the block, and the calls that put them there.
   *
   * @param column first channel taken
   * @param scratch where in the scratch they may begin
   */
  block(
    { image: row, count, group }: ImageBlock,
    column: number,
    scratch: number,
  ): { calls: Call[]; address: number } {
    const site = this.#site;
    const { channels, taken, pitch } = this.#shape;
    const { values, affine } = this.#reading;
    const columnBytes = column * FLOAT_BYTES;
    const source = site.address(values) + row * channels * FLOAT_BYTES + columnBytes;
    if (!this.fromScratch) return { calls: [], address: source };
    site.needScratch(scratch + count * this.rowPitch);
    const line = { height: 1, width: count, top: 0, left: 0, paddedHeight: 1, paddedWidth: count };
    const padding = { ...line, channels, taken, pitch, reader: readerOf(this.#reading) };
    const code = site.library.code("image-padding", padding, 5, writeImagePadding);
    const coefficients = coefficientsOf(site, affine, group, channels) + columnBytes;
    return { calls: [[code, source, scratch, coefficients, 1]], address: scratch };
  }
}
