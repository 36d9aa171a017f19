import type { ConvolveKernel, Operand } from "../program/program.ts";
import type { Convolver } from "./convolver.ts";
import { convolutionInput } from "./padded-input.ts";
import { DensePlan, type DenseShape } from "./plan-dense.ts";
import { rowPassCalls } from "./plan-epilogue.ts";
import { suitsWinograd, WinogradPlan } from "./plan-winograd.ts";
import { FLOAT_BYTES } from "./register-tile.ts";
import {
  channelSlices,
  imageBlocks,
  type ImageBlock,
  type ParallelStage,
  type Site,
  type Task,
} from "./stage.ts";

/** Whether two operands are the same memory. */
export function sameMemory(a: Operand, b: Operand | undefined): boolean {
  return b !== undefined && a.region === b.region && a.offset === b.offset;
}

/** y = relu?(conv(x) + bias + addend) with channel sums: packed weights, then blocks of images. */
export function planConvolution(site: Site, kernel: ConvolveKernel): ParallelStage[] {
  const { geometry, y, addend, bias, relu, sums } = kernel;
  const { outputHeight, outputWidth, channelsOut } = geometry;
  const convolver = suitsWinograd(geometry, "forward")
    ? winogradConvolver(site, kernel)
    : directConvolver(site, kernel);
  const { slices } = convolver;

  // Where the output's memory holds the addend, the sums start from it.
  const inPlace = sameMemory(y, addend);
  const rest = inPlace ? undefined : addend;
  const output = site.address(y);
  const positions = outputHeight * outputWidth;
  const changes = bias !== undefined || rest !== undefined || relu;
  const tasks = imageBlocks(site, positions).flatMap((block) =>
    Array.from({ length: slices }, (_, slice): Task => {
      const calls = convolver.convolving(block, slice, inPlace);
      if (!changes && !sums) return calls;
      const taken = channelsOut / slices;
      const span = {
        group: block.group,
        row: block.image * positions,
        rows: block.count * positions,
        channels: channelsOut,
        column: slice * taken,
        taken,
        part: block.part,
      };
      const epilogue = rowPassCalls(site, span, {
        source: output,
        bias: bias && site.address(bias),
        addend: rest && { values: rest, affine: undefined },
        relu,
        target: changes ? output : undefined,
        sums,
      });
      return [...calls, ...epilogue];
    }),
  );
  return [convolver.packing, tasks];
}

function winogradConvolver(site: Site, { geometry, x, weight, y }: ConvolveKernel): Convolver {
  const { channelsIn, channelsOut } = geometry;
  return new WinogradPlan(site, {
    x,
    height: geometry.inputHeight,
    width: geometry.inputWidth,
    channelsIn,
    margin: geometry.padding,
    outputHeight: geometry.outputHeight,
    outputWidth: geometry.outputWidth,
    channelsOut,
    weights: {
      address: site.address(weight),
      tapStride: channelsIn * channelsOut,
      rowStride: channelsOut,
      columnStride: 1,
    },
    output: site.address(y),
    slices: channelSlices(geometry, channelsOut),
  });
}

/** One dense convolution for each group of channels. */
function directConvolver(site: Site, { geometry, x, weight, y }: ConvolveKernel): Convolver {
  const { outputHeight, outputWidth, channelsOut, kernelHeight, kernelWidth, groups } = geometry;
  const perGroup = channelsOut / groups;
  const input = convolutionInput(site, geometry, x);
  const slices = channelSlices(geometry, channelsOut);
  const positionBytes = channelsOut * FLOAT_BYTES;
  const shape: DenseShape = {
    outputHeight,
    outputWidth,
    inputPositionPitch: geometry.stride * input.positionPitch,
    inputRowPitch: geometry.stride * input.rowPitch,
    inputImagePitch: input.imagePitch,
    outputPositionPitch: positionBytes,
    outputRowPitch: outputWidth * positionBytes,
    outputImagePitch: outputHeight * outputWidth * positionBytes,
    windowRows: kernelHeight,
    windowPitch: input.rowPitch,
    run: (kernelWidth * geometry.channelsIn) / groups,
    columns: perGroup / slices,
    slices,
    fromScratch: input.fromScratch,
  };
  const rows = kernelHeight * shape.run;
  const packing: Task[] = [];
  const plans: DensePlan[] = [];
  let weights = site.packedWeights;
  for (let group = 0; group < groups; group++) {
    const plan = new DensePlan(site, shape, weights);
    plans.push(plan);
    weights += plan.packedBytes;
    const address = site.address(weight) + group * perGroup * FLOAT_BYTES;
    packing.push(
      ...plan.packing({ address, rows, rowStride: channelsOut, columnStride: 1, at: 0 }),
    );
  }
  const convolving = (block: ImageBlock, slice: number, accumulate: boolean) =>
    plans.flatMap((plan, group) => {
      const { calls, address } = input.block(block, group);
      const image = site.address(y) + block.image * shape.outputImagePitch;
      const to = image + group * perGroup * FLOAT_BYTES;
      return calls.concat(plan.convolving(slice, address, to, block.count, accumulate));
    });
  return { slices, packing, convolving };
}
