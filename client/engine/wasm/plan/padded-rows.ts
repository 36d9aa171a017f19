import type { Reading } from "../../program/operands.ts";
import { placesRead } from "../../program/kernels/window-taps.ts";
import { writeImagePadding } from "../code/pad-images-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { coefficientsOf, readerOf } from "./plan-epilogue.ts";
import { paddedPitch, paddedWidth, type WindowWalk } from "./row-bands.ts";
import type { Call, Site } from "./stage.ts";

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

  /** The call that puts there what so many rows of results from `row` on, a run's first, read. */
  call(group: number, image: number, row: number, rows: number): Call {
    const site = this.#site;
    const { vertical, horizontal, channels } = this.#walk;
    const first = (row / vertical.period) * vertical.advance + vertical.first;
    const paddedHeight = placesRead(vertical, rows);
    const start = Math.min(vertical.source, Math.max(0, first));
    const padding = {
      height: Math.max(0, Math.min(vertical.source, first + paddedHeight) - start),
      width: horizontal.source,
      channels,
      taken: channels,
      pitch: this.#pitch,
      top: start - first,
      left: -horizontal.first,
      paddedHeight,
      paddedWidth: this.#width,
      reader: readerOf(this.#reading),
    };
    site.needScratch(paddedHeight * this.pitches.sourceRowPitch);
    const { values, affine } = this.#reading;
    const rowBytes = horizontal.source * channels * FLOAT_BYTES;
    return [
      site.library.code("image-padding", padding, 5, writeImagePadding),
      site.address(values) + (image * vertical.source + start) * rowBytes,
      0,
      coefficientsOf(site, affine, group, channels),
      1,
    ];
  }
}
