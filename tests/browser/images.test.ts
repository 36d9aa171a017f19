import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../client/images/decode-browser.ts";
import { loadFiles } from "../../client/images/load-browser.ts";
import { readPixels } from "../../client/images/image-set.ts";
import { squashedTo } from "../../client/images/prepare-image.ts";
import { decodePicture } from "../../client/images/decode-picture.ts";
import { pictureHead } from "../../client/images/picture-head.ts";
import { PICTURES_TO_DECODE, worstDifference } from "../fixtures/pictures-to-decode.ts";

const bytesOf = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

async function jpegOf(side: number): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext("2d")!;
  for (let i = 0; i < side; i++) {
    context.fillStyle = `hsl(${i * 37} 80% 50%)`;
    context.fillRect(i, (i * 13) % side, side / 3, side / 5);
  }
  const blob = await canvas.convertToBlob({ type: "image/jpeg" });
  return new Uint8Array(await blob.arrayBuffer());
}

describe("a browser decodes as Node does", () => {
  for (const picture of PICTURES_TO_DECODE) {
    it(`${picture.name}, within rounding`, async () => {
      const bytes = bytesOf(picture.file);
      const image = await decodePicture(bytes, await pictureHead(bytes), decodeImage);
      expect(image).toMatchObject({ width: picture.width, height: picture.height });
      expect(worstDifference(image, picture)).toBeLessThanOrEqual(1);
    });
  }
});

it("refuses a truncated JPEG, as Node does", async () => {
  const jpeg = await jpegOf(64);
  await expect(decodeImage(jpeg)).resolves.toMatchObject({ width: 64 });
  await expect(decodeImage(jpeg.slice(0, jpeg.length / 2))).rejects.toThrow("cannot be decoded");
});

it("loads picked files: pictures, a zip, records; says what was skipped", async () => {
  const jpeg = await jpegOf(16);
  const records = new Uint8Array(2 * 3073).fill(9);
  const picked = [
    new File([zipSync({ "x.jpg": jpeg, "y.txt": new Uint8Array([104, 105]) })], "b.zip"),
    new File(["just text"], "c.png"),
    new File([records], "d.bin"),
    new File([jpeg], "a.jpg"),
  ].map((file) => ({ path: file.name, file }));
  const images = await loadFiles(picked, squashedTo({ height: 8, width: 8, channels: 3 }));
  expect(images.count).toBe(4);
  expect(images.skipped.map(({ name }) => name)).toEqual(["b.zip/y.txt", "c.png"]);
  const [jpegAlone, jpegInZip, , second] = await Promise.all(
    [0, 1, 2, 3].map((index) => readPixels(images, [index])),
  );
  expect([...second!].every((byte) => byte === 9)).toBe(true);
  expect(jpegAlone).toEqual(jpegInZip);
});

it("refuses an empty choice, saying what to give", async () => {
  await expect(
    loadFiles([], squashedTo({ height: 8, width: 8, channels: 3 })),
  ).rejects.toMatchObject({
    code: "no-images",
    message: expect.stringContaining("Give PNG, JPEG"),
  });
});
