import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { Batch } from "../engine.ts";

/**
 * A batch as the network sees it, `[N, H, W, C]`: its own values, or its pixels cropped from the
 * zero-padded images, perhaps mirrored, and normalised. For backends that do not do so on the
 * device. Padding is zero in pixels, so (0 − mean)/std in the result.
 *
 * @param batch one that `checkBatch` lets pass
 *
 * @example
 * checkBatch(batch, graph.inputShape);
 * const values = placedValues(batch, graph.inputShape);
 */
export function placedValues(batch: Batch, shape: ImageShape): Float32Array {
  if ("values" in batch) return batch.values;
  const { height, width, channels } = shape;
  const { pixels, placements, cropPadding, table, size } = batch;
  const values = new Float32Array(pixels.length);
  let out = 0;
  for (let image = 0; image < size; image++) {
    const top = placements[3 * image]! - cropPadding;
    const left = placements[3 * image + 1]! - cropPadding;
    const mirror = placements[3 * image + 2] === 1;
    for (let y = 0; y < height; y++) {
      const sourceY = y + top;
      const inside = sourceY >= 0 && sourceY < height;
      const row = (image * height + sourceY) * width;
      for (let x = 0; x < width; x++) {
        const sourceX = (mirror ? width - 1 - x : x) + left;
        const visible = inside && sourceX >= 0 && sourceX < width;
        const source = (row + sourceX) * channels;
        for (let c = 0; c < channels; c++) {
          values[out++] = table[c * 256 + (visible ? pixels[source + c]! : 0)]!;
        }
      }
    }
  }
  return values;
}
