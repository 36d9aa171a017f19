import type { FilterGradientKernel } from "../../program/kernels/convolution.ts";
import { stored } from "../../program/program-writer.ts";
import { FLOAT_BYTES, highTilesOf } from "../code/register-tile.ts";
import { writeWindowGradient, type WindowGradient } from "../code/window-gradient-code.ts";
import type { ImageSpan } from "./plan-winograd-gradient.ts";
import { RowInput } from "./row-input.ts";
import type { Call, Site, Task } from "./stage.ts";

/** The filter gradient of a product of rows: xᵀ·dy, summed in blocks of rows. */
export class RowPartSums {
  readonly #site: Site;
  readonly #kernel: FilterGradientKernel;
  readonly #columns: number;
  readonly #x: RowInput;
  /** A slice of the output's gradient. */
  readonly #dy: RowInput;
  /** Rows summed before sums are stored. */
  readonly #blockRows: number;

  /** @param pitch floats from one row of x to the next, where they are brought into scratch */
  constructor(
    site: Site,
    kernel: FilterGradientKernel,
    { slices, blockRows, pitch }: { slices: number; blockRows: number; pitch: number },
  ) {
    const { geometry, x, dy } = kernel;
    const { channelsIn, channelsOut } = geometry;
    this.#site = site;
    this.#kernel = kernel;
    this.#columns = channelsOut / slices;
    this.#blockRows = blockRows;
    this.#x = new RowInput(site, x, { channels: channelsIn, taken: channelsIn, pitch });
    const taken = this.#columns;
    this.#dy = new RowInput(site, stored(dy), { channels: channelsOut, taken, pitch: taken });
  }

  task({ group, first, end }: ImageSpan, slice: number, gradient: number): Task {
    const calls: Call[] = [];
    let accumulate = this.#kernel.workspace === undefined;
    const column = slice * this.#columns;
    for (let row = first; row < end; row += this.#blockRows) {
      const count = Math.min(this.#blockRows, end - row);
      const block = { group, image: row, count, part: 0 };
      const x = this.#x.block(block, 0, 0);
      const dy = this.#dy.block(block, column, this.#x.fromScratch ? count * this.#x.rowPitch : 0);
      const target = gradient + column * FLOAT_BYTES;
      calls.push(...x.calls, ...dy.calls);
      calls.push(...this.#sum(count, x.address, dy.address, target, accumulate));
      accumulate = true;
    }
    return calls;
  }

  #sum(rows: number, x: number, dy: number, target: number, accumulate: boolean): Call[] {
    const { channelsIn, channelsOut } = this.#kernel.geometry;
    const tiles = highTilesOf(channelsIn, this.#columns);
    return tiles.columns.map(({ column, vectors, lanes, count }): Call => {
      const shape: WindowGradient = {
        outputWidth: rows,
        inputPositionPitch: this.#x.rowPitch,
        inputRowPitch: 0,
        inputImagePitch: 0,
        positionPitch: this.#dy.rowPitch,
        rowPitch: 0,
        imagePitch: 0,
        windowRows: 1,
        windowPitch: 0,
        pieces: 1,
        piecePitch: 0,
        tiles: tiles.rows,
        gradientPitch: channelsOut * FLOAT_BYTES,
        vectors,
        lanes,
        accumulate,
        fromScratch: this.#x.fromScratch,
        gradientFromScratch: this.#dy.fromScratch,
        toScratch: false,
        stack: { count: 1, inputPitch: 0, outputGradientPitch: 0, gradientPitch: 0 },
      };
      const at = column * FLOAT_BYTES;
      const code = this.#site.library.code("window-gradient", shape, 7, writeWindowGradient);
      return [code, x, dy + at, target + at, 1, 1, count];
    });
  }
}
