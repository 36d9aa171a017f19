import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../client/images/decode-node.ts";
import { decodePicture } from "../../../client/images/decode-picture.ts";
import { pictureHead } from "../../../client/images/picture-head.ts";
import { worstDifference, PICTURES_TO_DECODE } from "../../fixtures/pictures-to-decode.ts";

const decode = async (bytes: Uint8Array) =>
  decodePicture(bytes, await pictureHead(bytes), decodeImage);
const fileOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

for (const picture of PICTURES_TO_DECODE) {
  it(`decodes ${picture.name} to the pixels that browsers are compared with`, async () => {
    const image = await decode(fileOf(picture.file));
    const { height, width } = picture;
    expect([image.width, image.height, image.channels]).toEqual([width, height, 3]);
    expect(worstDifference(image, picture)).toBeLessThanOrEqual(1);
    expect(await pictureHead(fileOf(picture.file))).toBeDefined();
  });
}

it.each(["tiff", "gif"] as const)(
  "decodes a %s with LZW codes of all lengths, more than once",
  async (kind) => {
    const data = Uint8Array.from({ length: 90 * 90 * 3 }, (_, i) => (i * i * 31 + (i >> 7)) % 256);
    const picture = sharp(data, { raw: { width: 90, height: 90, channels: 3 } });
    const packed =
      kind === "gif" ? picture.gif() : picture.tiff({ compression: "lzw", predictor: "none" });
    const file = await packed.toBuffer();
    const wanted = kind === "gif" ? await sharp(file).removeAlpha().raw().toBuffer() : data;
    expect(Buffer.from((await decode(new Uint8Array(file))).data)).toEqual(Buffer.from(wanted));
  },
);

describe("a damaged picture", () => {
  it("is refused where a PNG's checksum says so, not painted as far as it goes", async () => {
    const { file } = PICTURES_TO_DECODE[0]!;
    const bytes = fileOf(file);
    bytes[Buffer.from(bytes).indexOf("IDAT") + 20]! ^= 4;
    await expect(decode(bytes)).rejects.toThrow("cannot be decoded: the picture is damaged");
    await expect(decode(fileOf(file).subarray(0, -5))).rejects.toThrow("cut short");
  });

  it("of any kind is decoded or refused: nothing else comes of it", async () => {
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const own = PICTURES_TO_DECODE.filter(({ name }) => /PBM|PGM|PPM|PAM|BMP|GIF|TIFF/.test(name));
    for (const { file } of own) {
      for (let tries = 0; tries < 8; tries++) {
        const bytes = fileOf(file).slice(0, random(2) === 0 ? undefined : random(file.length));
        // What it says of its size would be refused before: that stays.
        for (let hits = 0; hits < 3; hits++) bytes[random(bytes.length)] = random(256);
        const head = await pictureHead(bytes).catch((error: unknown) => error as Error);
        if (head instanceof Error || head === undefined || head.width * head.height > 2 ** 12)
          continue;
        const outcome = await decode(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error)
          expect(outcome.message).toMatch(/^cannot be decoded|which is not read/);
      }
    }
  });
});

it("says of a TIFF what of it is not read, and of a camera's that it is raw", async () => {
  const jpeg = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
    .tiff({ compression: "jpeg" })
    .toBuffer();
  await expect(decode(new Uint8Array(jpeg))).rejects.toThrow(
    /a TIFF packed with JPEG|a TIFF of colours of kind 6/,
  );
});
