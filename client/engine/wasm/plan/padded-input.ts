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
