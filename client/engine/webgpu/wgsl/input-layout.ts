import type { ImageShape } from "../../../../protocol/model/graph.ts";
import type { Batch, PixelBatch } from "../../engine.ts";

/**
 * Where the parts of a batch lie in the input, in words of 4 bytes: what a step sends to the device
 * in one piece.
 */
export type InputLayout = {
  /** Words of the targets `[N, classes]`, where a step has such. */
  readonly targets: number;
  /** Words of all of it. */
  readonly length: number;
} & (
  | { readonly kind: "values"; readonly values: number }
  | {
      readonly kind: "pixels";
      /** `[C, 256]` floats. */
      readonly table: number;
      /** A word an image: row, column << 8, mirrored << 16. */
      readonly placements: number;
      /** Four to a word. */
      readonly pixels: number;
    }
);

const PIXEL_VALUES = 256;

export function inputLayout(
  kind: InputLayout["kind"],
  images: number,
  { height, width, channels }: ImageShape,
  targetLength: number,
): InputLayout {
  const pixelCount = images * height * width * channels;
  if (kind === "values") {
    return { kind, targets: 0, values: targetLength, length: targetLength + pixelCount };
  }
  const table = targetLength;
  const placements = table + channels * PIXEL_VALUES;
  const pixels = placements + images;
  return {
    kind,
    targets: 0,
    table,
    placements,
    pixels,
    length: pixels + Math.ceil(pixelCount / 4),
  };
}

/** A batch as the device is sent it. */
export function packInput(
  batch: Batch,
  targets: Float32Array | undefined,
  layout: InputLayout,
): Float32Array<ArrayBuffer> {
  const words = new Float32Array(layout.length);
  if (targets) words.set(targets, layout.targets);
  if (layout.kind === "values") {
    if ("values" in batch) words.set(batch.values, layout.values);
    return words;
  }
  const { pixels, placements, table } = batch as PixelBatch;
  words.set(table, layout.table);
  const packed = new Uint32Array(words.buffer);
  for (let i = 0; i < batch.size; i++) {
    const [row, column, mirrored] = placements.subarray(3 * i, 3 * i + 3);
    packed[layout.placements + i] = row! | (column! << 8) | (mirrored! << 16);
  }
  new Uint8Array(words.buffer).set(pixels, 4 * layout.pixels);
  return words;
}
