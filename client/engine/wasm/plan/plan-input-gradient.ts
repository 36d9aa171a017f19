import type { ConvGeometry, InputGradientKernel } from "../../program/kernels/convolution.ts";
import { residueTaps, tapSteps } from "../../program/kernels/residue-taps.ts";
import { stored } from "../../program/program-writer.ts";
import type { Convolver } from "./convolver.ts";
import { finishedTasks } from "./finished-convolution.ts";
import { paddedInput, type PaddedInput } from "./padded-input.ts";
import { DensePlan, windowPieces, type DenseShape } from "./plan-dense.ts";
import { isRowProduct, packsInPlace, RowProduct, rowSite, weightStrides } from "./row-product.ts";
import { suitsWinograd, WinogradPlan } from "./plan-winograd.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import {
  channelSlices,
  type Call,
  type ImageBlock,
  type PackedStages,
  type Site,
  type Task,
} from "./stage.ts";

/**
 * Positions of one residue modulo the stride, along one axis. The gradient there is a convolution
 * of stride 1: dx[stride·i + residue] = Σ over taps of dy[i + shift]·w[tap].
 */
interface Residue {
  readonly residue: number;
  /** Positions of this residue. */
  readonly count: number;
  /** Of the window, in order of rising shift. */
  readonly taps: readonly number[];
  readonly firstShift: number;
  /** From the shift of each tap to that of the next. */
  readonly spread: number;
}

function residues(geometry: ConvGeometry, axis: 0 | 1): Residue[] {
  const size = [geometry.inputHeight, geometry.inputWidth][axis]!;
  const kernel = [geometry.kernelHeight, geometry.kernelWidth][axis]!;
  const stride = geometry.stride[axis];
  const padding = geometry.padding[axis];
  const dilation = geometry.dilation[axis];
  const { step, spread } = tapSteps(stride, dilation);
  return Array.from({ length: Math.min(stride, size) }, (_, residue) => {
    const run = residueTaps((residue + padding) % stride, kernel, stride, dilation);
    const taps = Array.from(
      { length: run.taps },
      (_unused, i) => run.first + i * step,
    ).toReversed();
    return {
      residue,
      count: Math.ceil((size - residue) / stride),
      taps,
      firstShift: taps.length === 0 ? 0 : (residue + padding - taps[0]! * dilation) / stride,
      spread,
    };
  });
}

/** Zeros before the output's gradient, and its padded size, that all residues find what they need. */
function extent(all: readonly Residue[]): { before: number; padded: number } {
  const used = all.filter(({ taps }) => taps.length > 0);
  // Where all that is read is padding.
  if (used.length === 0) return { before: 0, padded: 1 };
  const before = Math.max(...used.map(({ firstShift }) => -firstShift));
  const ends = used.map(
    ({ count, taps, firstShift, spread }) => count + firstShift + (taps.length - 1) * spread,
  );
  return { before, padded: Math.max(...ends) + before };
}

/** One residue of rows with one of columns. */
interface Phase {
  readonly rows: Residue;
  readonly columns: Residue;
  /** Bytes from the padded gradient's beginning, and from an image's of the result. */
  readonly from: number;
  readonly to: number;
  readonly plans: readonly DensePlan[];
}

/** dx = epilogue(gradient of a convolution's input): packed weights, then blocks of images. */
export function planInputGradient(site: Site, kernel: InputGradientKernel): PackedStages {
  const { geometry, dx, epilogue } = kernel;
  const { addend, activated, sums } = epilogue;
  const rows = isRowProduct(geometry);
  const place = rows ? rowSite(site, geometry) : site;
  const convolver = convolverOf(place, kernel);
  const convolving = finishedTasks(place, convolver, {
    output: dx,
    positions: rows ? 1 : geometry.inputHeight * geometry.inputWidth,
    channels: geometry.channelsIn,
    addend,
    activated,
    sums: sums && { ...sums, z: site.address(sums.z) },
  });
  return { packing: convolver.packing, convolving };
}

function convolverOf(site: Site, kernel: InputGradientKernel): Convolver {
  const { geometry } = kernel;
  if (isRowProduct(geometry)) return rowConvolver(site, kernel);
  return suitsWinograd(geometry, "gradient")
    ? winogradConvolver(site, kernel)
    : phasesConvolver(site, kernel);
}

/** From output to input channels: the weight is turned around. */
function rowConvolver(site: Site, kernel: InputGradientKernel): Convolver {
  const { geometry, dy, weight, dx } = kernel;
  const { channelsIn, channelsOut } = geometry;
  const { rowStride: columnStride, columnStride: rowStride } = weightStrides(geometry);
  return new RowProduct(site, {
    x: stored(dy),
    channelsIn: channelsOut,
    channelsOut: channelsIn,
    weights: { address: site.address(weight), rowStride, columnStride },
    packedWeights: packsInPlace(geometry) ? undefined : site.packedWeights(kernel),
    output: site.address(dx),
    slices: channelSlices(geometry, channelsIn),
  });
}

/** With stride 1 it is a convolution with the filters turned around, from output to input channels. */
function winogradConvolver(site: Site, kernel: InputGradientKernel): Convolver {
  const { geometry, dy, weight, dx } = kernel;
  const { channelsIn, channelsOut, kernelHeight, kernelWidth } = geometry;
  const tapStride = channelsIn * channelsOut;
  const lastTap = (kernelHeight * kernelWidth - 1) * tapStride;
  return new WinogradPlan(site, {
    x: stored(dy),
    height: geometry.outputHeight,
    width: geometry.outputWidth,
    channelsIn: channelsOut,
    margins: [kernelHeight - 1 - geometry.padding[0], kernelWidth - 1 - geometry.padding[1]],
    outputHeight: geometry.inputHeight,
    outputWidth: geometry.inputWidth,
    channelsOut: channelsIn,
    weights: {
      address: site.address(weight) + lastTap * FLOAT_BYTES,
      tapStride: -tapStride,
      rowStride: 1,
      columnStride: channelsOut,
    },
    packedWeights: site.packedWeights(kernel),
    output: site.address(dx),
    slices: channelSlices(geometry, channelsIn),
  });
}

/** Dense convolutions, one for each residue of rows and columns. */
function phasesConvolver(site: Site, kernel: InputGradientKernel): Convolver {
  const { geometry, dy, dx } = kernel;
  const { inputWidth, channelsIn, channelsOut, groups } = geometry;
  const allRows = residues(geometry, 0);
  const allColumns = residues(geometry, 1);
  const vertical = extent(allRows);
  const horizontal = extent(allColumns);
  const input = paddedInput(site, stored(dy), {
    height: geometry.outputHeight,
    width: geometry.outputWidth,
    channels: channelsOut,
    taken: channelsOut / groups,
    pitch: channelsOut / groups,
    top: vertical.before,
    left: horizontal.before,
    paddedHeight: vertical.padded,
    paddedWidth: horizontal.padded,
    reader: "plain",
  });
  const slices = channelSlices(geometry, channelsIn);
  const packing: Task[] = [];
  let weights = site.packedWeights(kernel);
  const phases = allRows.flatMap((rows) =>
    allColumns.map((columns): Phase => {
      const shape = denseShape(geometry, input, rows, columns, slices);
      const plans = Array.from({ length: groups }, (_, group) => {
        const plan = new DensePlan(site, shape, weights);
        weights += plan.packedBytes;
        packing.push(...packTaps(site, kernel, plan, rows, columns, group));
        return plan;
      });
      return {
        rows,
        columns,
        from:
          (rows.firstShift + vertical.before) * input.rowPitch +
          (columns.firstShift + horizontal.before) * input.positionPitch,
        to: (rows.residue * inputWidth + columns.residue) * channelsIn * FLOAT_BYTES,
        plans,
      };
    }),
  );
  const convolving = (block: ImageBlock, slice: number, accumulate: boolean): Call[] =>
    Array.from({ length: groups }, (_, group) => {
      const { calls, address } = input.block(block, group);
      const image = site.address(dx) + block.image * imageBytes(geometry);
      const column = (group * channelsIn * FLOAT_BYTES) / groups;
      const convolved = phases.flatMap(({ plans, rows, columns, from, to }) => {
        const start = rows.taps.length * columns.taps.length === 0 ? address : address + from;
        const target = image + to + column;
        return plans[group]!.convolving(slice, start, target, block.count, accumulate);
      });
      return [...calls, ...convolved];
    }).flat();
  return { slices, packing, convolving };
}

function imageBytes({ inputHeight, inputWidth, channelsIn }: ConvGeometry): number {
  return inputHeight * inputWidth * channelsIn * FLOAT_BYTES;
}

function denseShape(
  geometry: ConvGeometry,
  input: PaddedInput,
  rows: Residue,
  columns: Residue,
  slices: number,
): DenseShape {
  const { stride, inputWidth, channelsIn, channelsOut, groups } = geometry;
  const positionBytes = channelsIn * FLOAT_BYTES;
  const empty = columns.taps.length === 0;
  return {
    outputHeight: rows.count,
    outputWidth: columns.count,
    inputPositionPitch: input.positionPitch,
    inputRowPitch: input.rowPitch,
    inputImagePitch: input.imagePitch,
    outputPositionPitch: stride[1] * positionBytes,
    outputRowPitch: stride[0] * inputWidth * positionBytes,
    outputImagePitch: imageBytes(geometry),
    windowRows: empty ? 0 : rows.taps.length,
    windowPitch: rows.spread * input.rowPitch,
    ...windowPieces(columns.taps.length, channelsOut / groups, columns.spread, input.positionPitch),
    columns: channelsIn / groups / slices,
    slices,
    fromScratch: input.fromScratch,
    weightsFromScratch: false,
  };
}

/** Weights of one phase: its taps in order of rising shift, each transposed to `[out, in]`. */
function packTaps(
  site: Site,
  { geometry, weight }: InputGradientKernel,
  plan: DensePlan,
  rows: Residue,
  columns: Residue,
  group: number,
): Task[] {
  const { channelsIn, channelsOut, groups, kernelWidth } = geometry;
  const outputs = channelsOut / groups;
  const { rowStride: columnStride, columnStride: rowStride } = weightStrides(geometry);
  return rows.taps.flatMap((ky, i) =>
    columns.taps.flatMap((kx, j) => {
      const tap = ((ky * kernelWidth + kx) * channelsIn * channelsOut) / groups;
      return plan.packing({
        address: site.address(weight) + (tap + group * outputs) * FLOAT_BYTES,
        rows: outputs,
        rowStride,
        columnStride,
        at: (i * columns.taps.length + j) * outputs,
      });
    }),
  );
}
