import { crc32 } from "node:zlib";
import { expect, it } from "vitest";
import { collectImages } from "../../../client/images/collect-images.ts";
import { MemoryKeeper } from "../../../client/images/image-keeper.ts";
import type { Picture } from "../../../client/images/picture.ts";
import { squashedTo } from "../../../client/images/prepare-image.ts";

/** The head of a PNG that says it is so large. */
function pngOf(width: number, height: number): Uint8Array {
  const bytes = new Uint8Array(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  view.setUint8(24, 8);
  // What is decoded has to end as PNGs do.
  return Buffer.concat([
    bytes.subarray(0, 8),
    chunk("IHDR", bytes.subarray(16, 29)),
    chunk("IEND"),
  ]);
}

function chunk(type: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  const named = Buffer.concat([Buffer.from(type), data]);
  const around = Buffer.alloc(8);
  around.writeUInt32BE(data.length);
  around.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([around.subarray(0, 4), named, around.subarray(4)]);
}

it("decodes many small pictures at once, but no more pixels than memory is meant for", async () => {
  const preparation = squashedTo({ height: 2, width: 2, channels: 3 });
  const most = async (sizes: readonly (readonly [number, number])[]) => {
    let decoding = 0;
    const seen = { pictures: 0, pixels: 0, inFlight: 0 };
    const decode = async (bytes: Uint8Array): Promise<Picture> => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const pixels = view.getUint32(16) * view.getUint32(20);
      decoding += pixels;
      seen.inFlight++;
      seen.pictures = Math.max(seen.pictures, seen.inFlight);
      seen.pixels = Math.max(seen.pixels, decoding);
      await new Promise((resolve) => setTimeout(resolve, 1));
      decoding -= pixels;
      seen.inFlight--;
      return { width: 2, height: 2, channels: 3, data: new Uint8Array(12) };
    };
    const sources = sizes.map(([width, height], index) => {
      const bytes = pngOf(width, height);
      const read = (from: number, length: number) =>
        Promise.resolve(bytes.slice(from, from + length));
      return { name: `${index}.png`, size: bytes.length, read };
    });
    const keeper = new MemoryKeeper(preparation);
    const options = { place: "here", preparation, keeper, decode };
    const images = await collectImages(sources, options);
    return { ...seen, count: images.count, skipped: images.skipped };
  };
  const small = await most(Array.from({ length: 30 }, () => [640, 480] as const));
  expect(small).toMatchObject({ count: 30, pictures: 8, skipped: [] });
  // Eight of 99.8 million pixels took 2.7 GB when they were decoded together.
  const huge = await most(Array.from({ length: 8 }, () => [9990, 9990] as const));
  expect(huge).toMatchObject({ count: 8, pictures: 1, pixels: 9990 * 9990 });
  const large = await most(Array.from({ length: 8 }, () => [4000, 3000] as const));
  expect(large.pixels).toBe(2 * 12_000_000);
  const { skipped } = await most([
    [640, 480],
    [20_000, 6000],
  ]);
  expect(skipped).toEqual([
    { name: "1.png", reason: expect.stringContaining("20000×6000 pixels are too many") },
  ]);
});
