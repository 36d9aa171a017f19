import type { ConvGeometry, ConvolveKernel, Operand, Reading } from "../program/program.ts";
import { writeImagePadding, type ImagePadding } from "./pad-images-code.ts";
import { DensePlan, type DenseShape } from "./plan-dense.ts";
import { coefficientsOf, readerOf, rowPassCalls } from "./plan-epilogue.ts";
import { FLOAT_BYTES } from "./register-tile.ts";
import {
  channelSlices,
  imageBlocks,
  type Call,
  type ImageBlock,
  type ParallelStage,
  type Site,
  type Task,
} from "./stage.ts";

/** The input of a convolution, as it is or padded into scratch, for one block of images. */
export interface PaddedInput {
  /** Whether addresses count from the thread's scratch. */
  readonly fromScratch: boolean;
  readonly positionPitch: number;
  readonly rowPitch: number;
  readonly imagePitch: number;
  /**
   * Address of a block's input of a channel group, and the calls that put it there.
   *
   * @param scratch where in the scratch it may begin.
   */
  block(
    block: ImageBlock,
    channelGroup: number,
    scratch?: number,
  ): { calls: Call[]; address: number };
}

/** How the input of a convolution is read where it is padded at all sides alike. */
export function convolutionInput(
  site: Site,
  geometry: ConvGeometry,
  x: Reading,
  pitch = geometry.channelsIn / geometry.groups,
): PaddedInput {
  const { inputHeight, inputWidth, channelsIn, padding, groups } = geometry;
  return paddedInput(site, x, {
    height: inputHeight,
    width: inputWidth,
    channels: channelsIn,
    taken: channelsIn / groups,
    pitch,
    top: padding,
    left: padding,
    paddedHeight: inputHeight + 2 * padding,
    paddedWidth: inputWidth + 2 * padding,
    reader: readerOf(x),
  });
}

/** How images are read that need margins, normalising, or some of their channels. */
export function paddedInput(site: Site, x: Reading, padding: ImagePadding): PaddedInput {
  const { height, width, channels, taken, pitch, paddedHeight, paddedWidth, reader } = padding;
  const base = site.address(x.values);
  const imageBytes = height * width * channels * FLOAT_BYTES;
  const asItIs =
    reader === "plain" &&
    taken === channels &&
    pitch === taken &&
    paddedHeight === height &&
    paddedWidth === width &&
    padding.top === 0 &&
    padding.left === 0;
  const positionPitch = pitch * FLOAT_BYTES;
  const rowPitch = paddedWidth * positionPitch;
  const imagePitch = paddedHeight * rowPitch;
  const pitches = { positionPitch, rowPitch, imagePitch, fromScratch: !asItIs };
  if (asItIs) {
    return {
      ...pitches,
      block: ({ image }) => ({ calls: [], address: base + image * imageBytes }),
    };
  }
  const code = site.library.code("image-padding", padding, 5, writeImagePadding);
  return {
    ...pitches,
    block: ({ image, count, group }, channelGroup, scratch = 0) => {
      site.needScratch(scratch + count * imagePitch);
      const column = channelGroup * taken * FLOAT_BYTES;
      const coefficients = coefficientsOf(site, x.affine, group, channels) + column;
      const call: Call = [code, base + image * imageBytes + column, scratch, coefficients, count];
      return { calls: [call], address: scratch };
    },
  };
}

/** Whether two operands are the same memory. */
export function sameMemory(a: Operand, b: Operand | undefined): boolean {
  return b !== undefined && a.region === b.region && a.offset === b.offset;
}

/** y = relu?(conv(x) + bias + addend) with channel sums: packed weights, then blocks of images. */
export function planConvolution(site: Site, kernel: ConvolveKernel): ParallelStage[] {
  const { geometry, x, y, addend, bias, relu, sums } = kernel;
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
    const address = site.address(kernel.weight) + group * perGroup * FLOAT_BYTES;
    packing.push(
      ...plan.packing({ address, rows, rowStride: channelsOut, columnStride: 1, at: 0 }),
    );
  }

  // Where the output's memory holds the addend, the sums start from it.
  const inPlace = sameMemory(y, addend);
  const rest = inPlace ? undefined : addend;
  const output = site.address(y);
  const positions = outputHeight * outputWidth;
  const changes = bias !== undefined || rest !== undefined || relu;
  const tasks = imageBlocks(site, positions).flatMap((block) =>
    Array.from({ length: slices }, (_, slice): Task => {
      const calls = plans.flatMap((plan, group) => {
        const from = input.block(block, group);
        const to = output + block.image * shape.outputImagePitch + group * perGroup * FLOAT_BYTES;
        return from.calls.concat(plan.convolving(slice, from.address, to, block.count, inPlace));
      });
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
  return [packing, tasks];
}
