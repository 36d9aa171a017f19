import type { Pair } from "../../../../protocol/model/values.ts";
import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Reading } from "../../program/operands.ts";
import { writeImagePadding, type ImagePadding } from "../code/pad-images-code.ts";
import { coefficientsOf, readerOf } from "./plan-epilogue.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import type { Call, ImageBlock, Site } from "./stage.ts";

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

/** How the input of a convolution is read: with zeros around it as far as windows reach. */
export function convolutionInput(
  site: Site,
  geometry: ConvGeometry,
  x: Reading,
  pitch = geometry.channelsIn / geometry.groups,
): PaddedInput {
  const { inputHeight, inputWidth, channelsIn, padding, groups } = geometry;
  const [top, left] = padding;
  const reach = windowReach(geometry);
  return paddedInput(site, x, {
    height: inputHeight,
    width: inputWidth,
    channels: channelsIn,
    taken: channelsIn / groups,
    pitch,
    top,
    left,
    // As at the other side, where windows end before that.
    paddedHeight: Math.max(inputHeight + 2 * top, reach[0]),
    paddedWidth: Math.max(inputWidth + 2 * left, reach[1]),
    reader: readerOf(x),
  });
}

/** Rows and columns from the first that a window sees to the last. */
function windowReach({ stride, dilation, ...geometry }: ConvGeometry): Pair {
  const { outputHeight, outputWidth, kernelHeight, kernelWidth } = geometry;
  return [
    (outputHeight - 1) * stride[0] + (kernelHeight - 1) * dilation[0] + 1,
    (outputWidth - 1) * stride[1] + (kernelWidth - 1) * dilation[1] + 1,
  ];
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
