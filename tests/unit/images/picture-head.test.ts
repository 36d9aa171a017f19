import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { pictureHead } from "../../../client/images/picture-head.ts";
import { turnUpright, webpOrientation } from "../../../client/images/webp-orientation.ts";
import { SMALL_PICTURES } from "../../fixtures/small-pictures.ts";

const SIZES = [
  [1, 1],
  [300, 7],
  [17, 513],
] as const;

describe("what a picture says of itself", () => {
  it.each(["png", "jpeg", "webp", "lossless webp", "transparent webp"])(
    "is its size, of a %s",
    async (kind) => {
      for (const [width, height] of SIZES) {
        const channels = kind === "transparent webp" ? 4 : 3;
        const data = Uint8Array.from(
          { length: width * height * channels },
          (_, i) => (i * 83) % 256,
        );
        const picture = sharp(data, { raw: { width, height, channels } });
        const file =
          kind === "png"
            ? picture.png()
            : kind === "jpeg"
              ? picture.jpeg({ progressive: height > 7 })
              : picture.webp({ lossless: kind === "lossless webp" });
        const bytes = new Uint8Array(await file.toBuffer());
        expect(await pictureHead(bytes)).toMatchObject({ width, height, bits: 8 });
        // Cut short it may say nothing, and never something else.
        for (const end of [8, 20, 27, 60]) {
          const cut = await pictureHead(bytes.subarray(0, end));
          expect([undefined, width]).toContain(cut?.width);
        }
      }
    },
  );

  it("is nothing, of text and of an empty file", async () => {
    expect(await pictureHead(new TextEncoder().encode("just text, and more"))).toBeUndefined();
    expect(await pictureHead(new Uint8Array(0))).toBeUndefined();
  });
});

describe("a WebP's EXIF orientation", () => {
  const turned = SMALL_PICTURES.filter(({ name }) => name.startsWith("a WebP turned"));

  it.each(turned.map(({ name, file }) => [name, file]))("is found in %s", (name, file) => {
    expect(webpOrientation(Buffer.from(file, "base64"))).toBe(Number(name.at(-1)));
  });

  it("is upright where it does not say, or is damaged", () => {
    const [{ file }] = turned as [(typeof turned)[number]];
    const bytes = new Uint8Array(Buffer.from(file, "base64"));
    // Up to where the first tag of its EXIF chunk begins.
    const directory = Buffer.from(bytes).indexOf("EXIF") + 18;
    for (let end = 12; end < directory; end += 5) {
      expect(webpOrientation(bytes.subarray(0, end))).toBe(1);
    }
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("%d is undone as sharp does", async (orientation) => {
    const data = new Uint8Array(Array.from({ length: 18 }, (_, i) => i));
    const file = await sharp(data, { raw: { width: 3, height: 2, channels: 3 } })
      .png()
      .withMetadata({ orientation })
      .toBuffer();
    const { data: wanted, info } = await sharp(file)
      .autoOrient()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const picture = { width: 3, height: 2, channels: 3, data } as const;
    expect(turnUpright(picture, orientation)).toEqual({
      width: info.width,
      height: info.height,
      channels: 3,
      data: new Uint8Array(wanted),
    });
  });
});
