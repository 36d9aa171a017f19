import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { RandomStream, STREAM_SEED_BYTES } from "../../../protocol/random/random-stream.ts";

const WIDTH = 800;
const HEIGHT = 600;
/** Colours along each side before they are blurred into each other: about what a photograph's JPEG weighs. */
const PATCHES = 80;

/**
 * Writes pictures that weigh what photographs do: JPEGs of 800 × 600, of coloured patches that flow into
 * each other, no two alike.
 *
 * @returns their paths
 */
export async function drawPhotographs(folder: string, count: number): Promise<string[]> {
  const random = new RandomStream(new Uint8Array(STREAM_SEED_BYTES).fill(5));
  const paths: string[] = [];
  for (let index = 0; index < count; index++) {
    const height = (PATCHES * HEIGHT) / WIDTH;
    const patches = Uint8Array.from({ length: PATCHES * height * 3 }, () => random.below(256));
    const jpeg = await sharp(patches, { raw: { width: PATCHES, height, channels: 3 } })
      .resize(WIDTH, HEIGHT)
      .jpeg({ quality: 85 })
      .toBuffer();
    const path = join(folder, `${String(index).padStart(5, "0")}.jpg`);
    await writeFile(path, jpeg);
    paths.push(path);
  }
  return paths;
}
