import type { Batch } from "../../../../client/engine/engine.ts";
import type { ImageShape } from "../../../../protocol/model/graph.ts";

/**
 * The `[N, H, W, C]` values a batch stands for: pixels are placed in a frame of zero pixels,
 * cropped where the placement says, mirrored, and looked up in the table (SPEC D6).
 */
export function imageValues(batch: Batch, shape: ImageShape): Float32Array {
  if ("values" in batch) return batch.values;
  const { height, width, channels } = shape;
  const { pixels, placements, cropPadding, table, size } = batch;
  const values = new Float32Array(size * height * width * channels);
  for (let n = 0; n < size; n++) {
    const [top, left, mirror] = placements.subarray(3 * n, 3 * n + 3);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const y = row + top! - cropPadding;
        const x = (mirror === 1 ? width - 1 - column : column) + left! - cropPadding;
        const inside = y >= 0 && y < height && x >= 0 && x < width;
        for (let c = 0; c < channels; c++) {
          const pixel = inside ? pixels[((n * height + y) * width + x) * channels + c]! : 0;
          const to = ((n * height + row) * width + column) * channels + c;
          values[to] = table[c * 256 + pixel]!;
        }
      }
    }
  }
  return values;
}
