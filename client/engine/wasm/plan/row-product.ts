import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Reading } from "../../program/operands.ts";
import { FLOAT_BYTES, rowTilesOf } from "../code/register-tile.ts";
import type { Convolver } from "./convolver.ts";
import { DensePlan, packedBytes, type WeightRows } from "./plan-dense.ts";
import { RowInput } from "./row-input.ts";
import type { Call, ImageBlock, Site, Task } from "./stage.ts";
import { alignedAbove } from "./winograd-tiles.ts";

/**
 * Convolutions whose windows are single positions, linear layers among them: products of rows with a
 * matrix. Rows of a norm group are cut without regard to where images begin.
 */

/** Whether every output position is made of the one input position at its place. */
export function isRowProduct(geometry: ConvGeometry): boolean {
  const { kernelHeight, kernelWidth, stride, padding, groups } = geometry;
  const { inputHeight, inputWidth, outputHeight, outputWidth } = geometry;
  return (
    kernelHeight === 1 &&
    kernelWidth === 1 &&
    groups === 1 &&
    [...stride].every((step) => step === 1) &&
    [...padding].every((size) => size === 0) &&
    inputHeight === outputHeight &&
    inputWidth === outputWidth
  );
}

/** Floats from one input channel of a weight to the next, and from one output channel. */
export function weightStrides({ weightOrder, channelsIn, channelsOut }: ConvGeometry): {
  readonly rowStride: number;
  readonly columnStride: number;
} {
  return weightOrder === "in-out"
    ? { rowStride: channelsOut, columnStride: 1 }
    : { rowStride: 1, columnStride: channelsIn };
}

/** A site where every position is an image. */
export function rowSite(site: Site, { outputHeight, outputWidth }: ConvGeometry): Site {
  return { ...site, groupSize: site.groupSize * outputHeight * outputWidth };
}

/**
 * Whether weights are packed where they are used, slice by slice: where an image has one row they are
 * much larger than what they are multiplied with.
 */
export function packsInPlace(geometry: ConvGeometry): boolean {
  return isRowProduct(geometry) && geometry.outputHeight * geometry.outputWidth === 1;
}

/** `[rows, in]` · `[in, out]`. */
interface RowProblem {
  readonly x: Reading;
  readonly channelsIn: number;
  readonly channelsOut: number;
  readonly weights: Pick<WeightRows, "address" | "rowStride" | "columnStride">;
  /** Address of what is packed beforehand; undefined: nothing is. */
  readonly packedWeights: number | undefined;
  /** Address. */
  readonly output: number;
  readonly slices: number;
}

/** A product of rows, block by block; weights are packed the same way for blocks of any size. */
export class RowProduct implements Convolver {
  readonly slices: number;
  readonly #site: Site;
  readonly #problem: RowProblem;
  readonly #input: RowInput;
  readonly #plans = new Map<string, DensePlan>();

  constructor(site: Site, problem: RowProblem) {
    const { x, channelsIn: channels, slices } = problem;
    this.slices = slices;
    this.#site = site;
    this.#problem = problem;
    this.#input = new RowInput(site, x, { channels, taken: channels, pitch: channels });
  }

  get packing(): Task[] {
    const { packedWeights } = this.#problem;
    if (packedWeights === undefined) return [];
    return this.#plan(1, packedWeights).packing(this.#weights);
  }

  convolving(block: ImageBlock, slice: number, accumulate: boolean): Call[] {
    const { packedWeights, output, slices } = this.#problem;
    const { calls, address } = this.#input.block(block, 0, 0);
    const to = output + block.image * this.#outputPitch;
    if (packedWeights !== undefined) {
      const plan = this.#plan(block.count, packedWeights);
      return [...calls, ...plan.convolving(slice, address, to, 1, accumulate)];
    }
    const rowBytes = this.#input.fromScratch ? alignedAbove(block.count * this.#input.rowPitch) : 0;
    // Where all slices would lie, so that this one lies behind the rows.
    const before = slice * packedBytes(this.#problem.channelsIn, this.#columns);
    const plan = this.#plan(block.count, rowBytes - before);
    this.#site.needScratch(rowBytes + plan.packedBytes / slices);
    return [
      ...calls,
      ...plan.packingOf(slice, this.#weights),
      ...plan.convolving(slice, address, to, 1, accumulate),
    ];
  }

  get #weights(): WeightRows {
    return { ...this.#problem.weights, rows: this.#problem.channelsIn, at: 0 };
  }

  get #columns(): number {
    return this.#problem.channelsOut / this.slices;
  }

  get #outputPitch(): number {
    return this.#problem.channelsOut * FLOAT_BYTES;
  }

  /** The product of so many rows, by weights packed there. */
  #plan(rows: number, weights: number): DensePlan {
    const key = `${rows} ${weights}`;
    const plan = this.#plans.get(key) ?? this.#made(rows, weights);
    this.#plans.set(key, plan);
    return plan;
  }

  #made(rows: number, weights: number): DensePlan {
    const { channelsIn, packedWeights, slices } = this.#problem;
    const columns = this.#columns;
    const shape = {
      outputHeight: 1,
      outputWidth: rows,
      inputPositionPitch: this.#input.rowPitch,
      inputRowPitch: 0,
      inputImagePitch: 0,
      outputPositionPitch: this.#outputPitch,
      outputRowPitch: 0,
      outputImagePitch: 0,
      windowRows: 1,
      windowPitch: 0,
      pieces: 1,
      piecePitch: 0,
      run: channelsIn,
      columns,
      slices,
      fromScratch: this.#input.fromScratch,
      weightsFromScratch: packedWeights === undefined,
    };
    return new DensePlan(this.#site, shape, weights, rowTilesOf(rows, columns));
  }
}
