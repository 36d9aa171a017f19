import type { ConvolveKernel } from "../../program/kernels/convolution.ts";
import type { Convolver } from "./convolver.ts";
import { finishedTasks } from "./finished-convolution.ts";
import { convolutionInput } from "./padded-input.ts";
import { DensePlan, windowPieces, type DenseShape } from "./plan-dense.ts";
import { isRowProduct, packsInPlace, RowProduct, rowSite, weightStrides } from "./row-product.ts";
import { suitsWinograd, WinogradPlan } from "./plan-winograd.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import {
  channelSlices,
  type ImageBlock,
  type PackedStages,
  type Site,
  type Task,
} from "./stage.ts";

/** y = f(conv(x) + bias + addend) with channel sums: packed weights, then blocks of images. */
export function planConvolution(site: Site, kernel: ConvolveKernel): PackedStages {
  const { geometry, y, addend, bias, activation, sums } = kernel;
  const rows = isRowProduct(geometry);
  const positions = rows ? 1 : geometry.outputHeight * geometry.outputWidth;
  const place = rows ? rowSite(site, geometry) : site;
  const convolver = convolverOf(place, kernel);
  const convolving = finishedTasks(place, convolver, {
    output: y,
    positions,
    channels: geometry.channelsOut,
    addend,
    bias: bias && site.address(bias),
    activation,
    sums,
    cleanImages: sums && sums.cleanRows / positions,
  });
  return { packing: convolver.packing, convolving };
}

function convolverOf(site: Site, kernel: ConvolveKernel): Convolver {
  const { geometry } = kernel;
  if (isRowProduct(geometry)) return rowConvolver(site, kernel);
  return suitsWinograd(geometry, "forward")
    ? winogradConvolver(site, kernel)
    : directConvolver(site, kernel);
}

function rowConvolver(site: Site, kernel: ConvolveKernel): Convolver {
  const { geometry, x, weight, y } = kernel;
  const { channelsIn, channelsOut } = geometry;
  return new RowProduct(site, {
    x,
    channelsIn,
    channelsOut,
    weights: { address: site.address(weight), ...weightStrides(geometry) },
    packedWeights: packsInPlace(geometry) ? undefined : site.packedWeights(kernel),
    output: site.address(y),
    slices: channelSlices(geometry, channelsOut),
  });
}

function winogradConvolver(site: Site, kernel: ConvolveKernel): Convolver {
  const { geometry, x, weight, y } = kernel;
  const { channelsIn, channelsOut } = geometry;
  return new WinogradPlan(site, {
    x,
    height: geometry.inputHeight,
    width: geometry.inputWidth,
    channelsIn,
    margins: geometry.padding,
    outputHeight: geometry.outputHeight,
    outputWidth: geometry.outputWidth,
    channelsOut,
    weights: {
      address: site.address(weight),
      tapStride: channelsIn * channelsOut,
      rowStride: channelsOut,
      columnStride: 1,
    },
    packedWeights: site.packedWeights(kernel),
    output: site.address(y),
    slices: channelSlices(geometry, channelsOut),
  });
}

/** One dense convolution for each group of channels. */
function directConvolver(site: Site, kernel: ConvolveKernel): Convolver {
  const { geometry, x, weight, y } = kernel;
  const { outputHeight, outputWidth, channelsOut, kernelHeight, kernelWidth, groups } = geometry;
  const { stride, dilation } = geometry;
  const perGroup = channelsOut / groups;
  const input = convolutionInput(site, geometry, x);
  const slices = channelSlices(geometry, channelsOut);
  const positionBytes = channelsOut * FLOAT_BYTES;
  const shape: DenseShape = {
    outputHeight,
    outputWidth,
    inputPositionPitch: stride[1] * input.positionPitch,
    inputRowPitch: stride[0] * input.rowPitch,
    inputImagePitch: input.imagePitch,
    outputPositionPitch: positionBytes,
    outputRowPitch: outputWidth * positionBytes,
    outputImagePitch: outputHeight * outputWidth * positionBytes,
    windowRows: kernelHeight,
    windowPitch: dilation[0] * input.rowPitch,
    ...windowPieces(kernelWidth, geometry.channelsIn / groups, dilation[1], input.positionPitch),
    columns: perGroup / slices,
    slices,
    fromScratch: input.fromScratch,
    weightsFromScratch: false,
  };
  const rows = kernelHeight * shape.pieces * shape.run;
  const packing: Task[] = [];
  const plans: DensePlan[] = [];
  let weights = site.packedWeights(kernel);
  for (let group = 0; group < groups; group++) {
    const plan = new DensePlan(site, shape, weights);
    plans.push(plan);
    weights += plan.packedBytes;
    const address = site.address(weight) + group * perGroup * FLOAT_BYTES;
    packing.push(...plan.packing({ address, rows, ...weightStrides(geometry), at: 0 }));
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
