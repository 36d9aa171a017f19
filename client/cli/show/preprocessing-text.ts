import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { Preprocessing } from "../../../protocol/round/preprocessing.ts";

/** How pictures become what a model reads, in one line. */
export function preprocessingText(
  { height: size }: ImageShape,
  preprocessing: Preprocessing,
): string {
  const { antialias, channelOrder, interpolation, mean, range, resize, resizeTo, std } =
    preprocessing;
  const side = resizeTo === size ? "" : `, the middle ${size}×${size} of ${resizeTo}`;
  const filter = antialias ? `${interpolation}, antialiased` : interpolation;
  return [
    `pictures of ${size}×${size}${side} (${resize}, ${filter})`,
    ...(channelOrder === "bgr" ? ["blue before green before red"] : []),
    `mean ${mean.join(",")} and std ${std.join(",")} of pixels ${RANGES[range]}`,
  ].join("; ");
}

const RANGES: Readonly<Record<Preprocessing["range"], string>> = {
  unit: "from 0 to 1",
  bytes: "from 0 to 255",
  symmetric: "from −1 to 1",
};
