import type { Reading } from "../../program/operands.ts";
import { placesRead } from "../../program/kernels/window-taps.ts";
import { writeRowPadding, type RowPadding } from "../code/pad-rows-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { coefficientsOf, readerOf } from "./plan-epilogue.ts";
import { paddedPitch, paddedWidth, type WindowWalk } from "./row-bands.ts";
import type { Call, ImageBlock, Site } from "./stage.ts";

/** What the results of some rows read, padded and normalised in the thread's scratch. */
export class PaddedRows {
  readonly #site: Site;
  readonly #reading: Reading;
  readonly #walk: WindowWalk;
  readonly #pitch: number;
  readonly #width: number;

  constructor(site: Site, reading: Reading, walk: WindowWalk) {
    this.#site = site;
    this.#reading = reading;
    this.#walk = walk;
    this.#pitch = paddedPitch(walk.channels);
    this.#width = paddedWidth(walk);
  }

  /** Bytes from one position to the next, and from one row to the next. */
  get pitches(): { readonly sourcePitch: number; readonly sourceRowPitch: number } {
    const sourcePitch = this.#pitch * FLOAT_BYTES;
    return { sourcePitch, sourceRowPitch: this.#width * sourcePitch };
  }

  /** Bytes of what so many rows of results read. */
  bytes(rows: number): number {
    return placesRead(this.#walk.vertical, rows) * this.pitches.sourceRowPitch;
  }

  /**
   * The call that brings what so many rows of results from `row` on, a run's first, read.
   *
   * @param at where in the scratch it is put.
   */
  call(
    { group, image }: Pick<ImageBlock, "group" | "image">,
    row: number,
    rows: number,
    at = 0,
  ): Call {
    const site = this.#site;
    const { vertical, horizontal, channels } = this.#walk;
    const first = (row / vertical.period) * vertical.advance + vertical.first;
    const paddedHeight = placesRead(vertical, rows);
    const start = Math.min(vertical.source, Math.max(0, first));
    const padding: RowPadding = {
      height: Math.max(0, Math.min(vertical.source, first + paddedHeight) - start),
      width: horizontal.source,
      channels,
      pitch: this.#pitch,
      top: start - first,
      left: -horizontal.first,
      paddedHeight,
      paddedWidth: this.#width,
      reader: readerOf(this.#reading),
    };
    site.needScratch(at + this.bytes(rows));
    const { values, affine } = this.#reading;
    const rowBytes = horizontal.source * channels * FLOAT_BYTES;
    return [
      site.library.code("row-padding", padding, 4, writeRowPadding),
      at,
      site.address(values) + (image * vertical.source + start) * rowBytes,
      coefficientsOf(site, affine, group, channels),
    ];
  }
}
