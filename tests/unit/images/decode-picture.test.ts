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

/** 2×2 grey pixels in a tile, by its tags. */
const tiff = (...tags: readonly (readonly [tag: number, value: number])[]) => {
  const own = [[256, 2], [257, 2], [258, 8], [324, 8], [325, 2 ** 16], ...tags] as const;
  const file = new DataView(new ArrayBuffer(8 + 2 + 12 * own.length + 2 ** 16));
  file.setUint32(0, 0x4949_2a00);
  file.setUint32(4, 8, true);
  file.setUint16(8, own.length, true);
  own.forEach(([tag, value], i) => {
    file.setUint16(10 + 12 * i, tag, true);
    file.setUint16(12 + 12 * i, 4, true);
    file.setUint32(14 + 12 * i, 1, true);
    file.setUint32(18 + 12 * i, value, true);
  });
  return new Uint8Array(file.buffer);
};

describe("a TIFF that is made to deceive", () => {
  it("is refused: a tag that comes twice, tiles far larger than the picture", async () => {
    expect((await decode(tiff([322, 16], [323, 16]))).width).toBe(2);
    await expect(decode(tiff([322, 16], [323, 16], [256, 3]))).rejects.toThrow(
      /tag 256 comes twice/,
    );
    await expect(decode(tiff([322, 16], [323, 1027]))).rejects.toThrow(/16×1027 are far larger/);
  });

  it("is unpacked only as far as its picture goes", async () => {
    // The file has fewer bytes than a whole tile of that height.
    expect((await decode(tiff([322, 1000], [323, 1000]))).height).toBe(2);
  });
});

it("refuses a BMP of runs that says it begins at its top", async () => {
  const bytes = fileOf(PICTURES_TO_DECODE.find(({ name }) => name === "a BMP of runs")!.file);
  const view = new DataView(bytes.buffer);
  view.setInt32(22, -view.getInt32(22, true), true);
  await expect(decode(bytes)).rejects.toThrow(/runs that begins at its top/);
});

it("says of a TIFF what of it is not read, and of a camera's that it is raw", async () => {
  const jpeg = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
    .tiff({ compression: "jpeg" })
    .toBuffer();
  await expect(decode(new Uint8Array(jpeg))).rejects.toThrow(
    /a TIFF packed with JPEG|a TIFF of colours of kind 6/,
  );
});
