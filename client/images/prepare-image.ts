import type { ImageShape } from "../../protocol/model/graph.ts";
import {
  OWN_SIZE,
  type PreprocessingDefaults,
} from "../../protocol/model/preprocessing-defaults.ts";
import { greyOf, type Picture } from "./picture.ts";
import { resample } from "./resample.ts";

/** What is made of a picture before it is an image of the model's (SPEC N): its shape, and how. */
export interface Preparation
  extends
    ImageShape,
    Pick<PreprocessingDefaults, "resize" | "interpolation" | "antialias" | "channelOrder"> {
  /** Pixels more than the image's that the sides have before it is cropped out of the middle. */
  readonly margin: number;
}

/** How images of this shape are made as a campaign's preprocessing says. */
export function preparationFor(
  { height, width, channels }: ImageShape,
  how: Omit<Preparation, keyof ImageShape | "margin"> & { readonly resizeTo: number },
): Preparation {
  const { antialias, channelOrder, interpolation, resize, resizeTo } = how;
  const margin = resizeTo - height;
  return { height, width, channels, resize, margin, interpolation, antialias, channelOrder };
}

/** As images of a model are made, but in another size: what is cropped away is the same share. */
export function preparationInSize(
  preparation: Preparation,
  { height, width }: Pick<ImageShape, "height" | "width">,
): Preparation {
  const margin = Math.round((preparation.margin * height) / preparation.height);
  return { ...preparation, height, width, margin };
}

/** Pictures squashed to a shape, as data sets of small ones are: nothing is cropped. */
export function squashedTo(shape: ImageShape): Preparation {
  return preparationFor(shape, { ...OWN_SIZE, resizeTo: shape.height });
}

/** Pixels of a picture once it is resized: more are those of no photograph. */
const MAX_RESIZED = 2 ** 24;

/**
 * A picture as an image `[height, width, channels]`: grey where the model reads one channel, resized,
 * cropped out of the middle, its channels in the model's order.
 *
 * @throws RangeError for a number of channels that pictures do not have; Error for a picture so long that
 *   in proportion it does not fit into memory.
 *
 * @example
 * const pixels = prepareImage(picture, preparationFor(graph.inputShape, preprocessing));
 */
export function prepareImage(picture: Picture, preparation: Preparation): Uint8Array {
  const { channels, channelOrder, height, width } = preparation;
  if (channels !== 1 && channels !== 3) throw new RangeError(`pictures of ${channels} channels`);
  const coloured = channels === 1 ? greyOf(picture) : picture;
  if (coloured.channels !== channels) throw new RangeError("a grey picture has no colours");
  const size = resizedSize(picture, preparation);
  if (size.width * size.height > MAX_RESIZED) {
    throw new Error(
      `is too long and narrow: in proportion it would be ${size.width}×${size.height} pixels`,
    );
  }
  const { data } = cropMiddle(resample(coloured, size.width, size.height, preparation), {
    width,
    height,
  });
  return channelOrder === "bgr" ? reversed(data) : data;
}

/** As torchvision's `Resize` has it: the longer side rounded down. */
function resizedSize(
  picture: Pick<Picture, "width" | "height">,
  { height, width, margin, resize }: Preparation,
): { readonly width: number; readonly height: number } {
  const least = { width: width + margin, height: height + margin };
  switch (resize) {
    case "squash":
      return least;
    case "shorter-side":
      return picture.width * least.height <= picture.height * least.width
        ? {
            width: least.width,
            height: Math.floor((least.width * picture.height) / picture.width),
          }
        : {
            width: Math.floor((least.height * picture.width) / picture.height),
            height: least.height,
          };
  }
}

/** As torchvision's `CenterCrop` has it: halves are rounded to even. */
function cropMiddle(
  picture: Picture,
  { width, height }: { readonly width: number; readonly height: number },
): Picture {
  if (picture.width === width && picture.height === height) return picture;
  const { channels, data } = picture;
  const top = halfToEven(picture.height - height);
  const left = halfToEven(picture.width - width);
  const cropped = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * channels;
    cropped.set(data.subarray(from, from + width * channels), y * width * channels);
  }
  return { width, height, channels, data: cropped };
}

/** Half of it, rounded to the nearest whole number and to an even one in the middle, as Python's `round`. */
function halfToEven(length: number): number {
  const down = Math.floor(length / 2);
  return length % 2 === 1 && down % 2 === 1 ? down + 1 : down;
}

function reversed(rgb: Uint8Array): Uint8Array {
  const bgr = new Uint8Array(rgb.length);
  for (let at = 0; at < rgb.length; at += 3) {
    bgr[at] = rgb[at + 2]!;
    bgr[at + 1] = rgb[at + 1]!;
    bgr[at + 2] = rgb[at]!;
  }
  return bgr;
}
