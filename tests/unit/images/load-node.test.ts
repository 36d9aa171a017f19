import { chmod, mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadImages } from "../../../client/images/load-node.ts";
import { ImageError } from "../../../client/images/image-error.ts";
import { RECORD_BYTES } from "../../../client/images/cifar-records.ts";
import { squashedTo } from "../../../client/images/prepare-image.ts";

const SHAPE = { height: 4, width: 4, channels: 3 };
const RED = { r: 200, g: 10, b: 30 };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "scour-images-"));
});
afterEach(() => rm(folder, { recursive: true }));

const plain = (width: number, height: number, background = RED) =>
  sharp({ create: { width, height, channels: 3, background } });
const sixteenBits = (most: number): Promise<Buffer> =>
  sharp(new Uint16Array([0, most, most]), { raw: { width: 3, height: 1, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toBuffer();
const write = (name: string, bytes: Uint8Array | string) => writeFile(join(folder, name), bytes);
const failure = (promise: Promise<unknown>): Promise<ImageError> =>
  promise.then(
    () => expect.fail("nothing was thrown"),
    (error: unknown) => {
      expect(error).toBeInstanceOf(ImageError);
      return error as ImageError;
    },
  );

describe("a folder", () => {
  it("gives PNG, JPEG and WebP in order of their names, subfolders included", async () => {
    await mkdir(join(folder, "b"));
    await write("c.png", await plain(4, 4, { r: 3, g: 3, b: 3 }).png().toBuffer());
    await write(
      "b/x.webp",
      await plain(4, 4, { r: 2, g: 2, b: 2 }).webp({ lossless: true }).toBuffer(),
    );
    await write("a.jpg", await plain(4, 4, { r: 1, g: 1, b: 1 }).jpeg({ quality: 100 }).toBuffer());
    const images = await loadImages(folder, squashedTo(SHAPE));
    expect(images).toMatchObject({ count: 3, ...SHAPE, skipped: [] });
    expect([0, 1, 2].map((index) => images.pixels[index * 48])).toEqual([1, 2, 3]);
  });

  it("tells kinds by content: a text file named .png is skipped with the reason, a .txt that is a PNG is taken", async () => {
    await write("notes.png", "Milk, bread, and a word in Greek: λόγος\n");
    await write("picture.txt", await plain(4, 4).png().toBuffer());
    await write("empty.jpg", "");
    const images = await loadImages(folder, squashedTo(SHAPE));
    expect(images.count).toBe(1);
    expect(images.skipped).toEqual([
      { name: "empty.jpg", reason: "the file is empty" },
      { name: "notes.png", reason: "not a picture: its content is text" },
    ]);
  });

  it("passes over dotfiles and __MACOSX", async () => {
    await mkdir(join(folder, "__MACOSX"));
    await write("__MACOSX/._a.png", "junk");
    await write(".DS_Store", "junk");
    await write("a.png", await plain(4, 4).png().toBuffer());
    expect(await loadImages(folder, squashedTo(SHAPE))).toMatchObject({ count: 1, skipped: [] });
  });

  it("does not follow a link back to itself for ever", async () => {
    await symlink(folder, join(folder, "again"));
    await write("a.png", await plain(4, 4).png().toBuffer());
    expect((await loadImages(folder, squashedTo(SHAPE))).count).toBe(1);
  });

  it("that is empty is refused, saying what to give", async () => {
    const error = await failure(loadImages(folder, squashedTo(SHAPE)));
    expect(error.code).toBe("no-images");
    expect(error.message).toContain(`no usable images in ${folder}: there are no files`);
    expect(error.message).toContain("Give PNG, JPEG");
  });

  it("with nothing usable is refused with the first reasons", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) await write(`${name}.png`, "text");
    await write("f.heic", "\0\0\0\x18ftypheic");
    const { message } = await failure(loadImages(folder, squashedTo(SHAPE)));
    expect(message).toMatch(
      /no usable images in .*: 5 × not a picture: .* \(a\.png, b\.png, c\.png and 2 more\); f\.heic: .*convert it/,
    );
  });

  it("that is not there is named", async () => {
    const error = await failure(loadImages(join(folder, "nowhere"), squashedTo(SHAPE)));
    expect(error.code).toBe("unreadable-image-set");
    expect(error.message).toContain("nowhere");
  });
});

describe("what cannot be read", () => {
  it("of a folder is skipped and told, the rest is taken", async () => {
    await write("a.png", await plain(4, 4).png().toBuffer());
    await symlink(join(folder, "gone.png"), join(folder, "b.png"));
    await symlink("c", join(folder, "c"));
    const { count, skipped } = await loadImages(folder, squashedTo(SHAPE));
    expect(count).toBe(1);
    expect(skipped).toEqual([
      { name: "b.png", reason: expect.stringContaining("a link that leads nowhere") },
      { name: "c", reason: "is a link that leads to itself" },
    ]);
  });

  // Whoever may read everything cannot try it.
  it.skipIf(process.getuid?.() === 0)("for want of permission is told so", async () => {
    await mkdir(join(folder, "locked"));
    await write("a.png", await plain(4, 4).png().toBuffer());
    await write("b.png", await plain(4, 4).png().toBuffer());
    await chmod(join(folder, "b.png"), 0);
    await chmod(join(folder, "locked"), 0);
    const { count, skipped } = await loadImages(folder, squashedTo(SHAPE));
    await chmod(join(folder, "locked"), 0o700);
    expect(count).toBe(1);
    expect(skipped).toEqual([
      { name: "b.png", reason: "may not be read: permission is denied" },
      { name: "locked/", reason: "may not be read: permission is denied" },
    ]);
  });

  it("is not a file whose name is no text: its bytes name it", async () => {
    const name = Buffer.concat([
      Buffer.from(`${folder}/caf`),
      Buffer.of(0xe9),
      Buffer.from(".png"),
    ]);
    try {
      await writeFile(name, await plain(4, 4).png().toBuffer());
    } catch {
      // This file system takes text alone.
      return;
    }
    expect(await loadImages(folder, squashedTo(SHAPE))).toMatchObject({ count: 1, skipped: [] });
    await rm(name);
  });
});

describe("a picture", () => {
  it("truncated is skipped with the reason, the others are kept", async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256));
    const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    await write("cut.jpg", jpeg.subarray(0, jpeg.length / 2));
    await write("whole.jpg", jpeg);
    const images = await loadImages(folder, squashedTo(SHAPE));
    expect(images.count).toBe(1);
    expect(images.skipped).toMatchObject([{ name: "cut.jpg" }]);
    expect(images.skipped[0]!.reason).toContain("cannot be decoded");
  });

  it("is turned upright by its EXIF orientation", async () => {
    const leftRight = Buffer.from([255, 0, 0, 0, 0, 255]);
    const turned = await sharp(leftRight, { raw: { width: 2, height: 1, channels: 3 } })
      .png()
      .withMetadata({ orientation: 6 })
      .toBuffer();
    await write("turned.png", turned);
    const images = await loadImages(folder, squashedTo({ height: 2, width: 1, channels: 3 }));
    expect([...images.pixels]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it("with transparency is laid over white, in grayscale becomes RGB, in 16 bit becomes 8 bit", async () => {
    const rgba = Buffer.from([0, 0, 0, 0, 10, 20, 30, 255]);
    await write(
      "a.png",
      await sharp(rgba, { raw: { width: 2, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
    );
    const gray = Buffer.from([7, 250]);
    await write(
      "b.png",
      await sharp(gray, { raw: { width: 2, height: 1, channels: 1 } })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
    );
    const deep = new Uint16Array([0, 257 * 9, 65535, 65535, 257 * 9, 0]);
    await write(
      "c.png",
      await sharp(deep, { raw: { width: 2, height: 1, channels: 3 } })
        .toColourspace("rgb16")
        .png()
        .toBuffer(),
    );
    const images = await loadImages(folder, squashedTo({ height: 1, width: 2, channels: 3 }));
    expect([...images.pixels]).toEqual([
      255, 255, 255, 10, 20, 30, 7, 7, 7, 250, 250, 250, 0, 9, 255, 255, 9, 0,
    ]);
  });

  it("of 16 bits of which the lowest are used is skipped, and says why: it would be black", async () => {
    await write("a.png", await sixteenBits(4080));
    await write("b.png", await sixteenBits(65535));
    const images = await loadImages(folder, squashedTo({ height: 1, width: 3, channels: 1 }));
    expect([...images.pixels]).toEqual([0, 255, 255]);
    expect(images.skipped).toMatchObject([
      { name: "a.png", reason: expect.stringMatching(/16 bits.*14 or fewer.*whole range/) },
    ]);
  });

  it("of any size is stretched to the model's", async () => {
    await write("wide.png", await plain(300, 17).png().toBuffer());
    const images = await loadImages(join(folder, "wide.png"), squashedTo(SHAPE));
    expect(images.pixels).toHaveLength(48);
    expect([...images.pixels.subarray(0, 3)]).toEqual([RED.r, RED.g, RED.b]);
  });

  it("for a model that does not take RGB is refused", async () => {
    await write("a.png", await plain(4, 4).png().toBuffer());
    const error = await failure(loadImages(folder, squashedTo({ ...SHAPE, channels: 5 })));
    expect(error.code).toBe("unsupported-shape");
  });
});

const records = (count: number) =>
  Uint8Array.from({ length: count * RECORD_BYTES }, (_, i) => (i * 31 + (i >> 10)) % 251);

describe("CIFAR records", () => {
  it("are planar RGB after a label byte that is ignored", async () => {
    const bytes = records(3);
    await write("pool.bin", bytes);
    const images = await loadImages(
      join(folder, "pool.bin"),
      squashedTo({
        height: 32,
        width: 32,
        channels: 3,
      }),
    );
    expect(images.count).toBe(3);
    for (const [image, pixel, channel] of [
      [0, 0, 0],
      [1, 517, 2],
      [2, 1023, 1],
    ] as const) {
      expect(images.pixels[image * 3072 + pixel * 3 + channel]).toBe(
        bytes[image * RECORD_BYTES + 1 + channel * 1024 + pixel],
      );
    }
    bytes[0] = 99;
    await write("other-label.bin", bytes);
    const relabelled = await loadImages(
      join(folder, "other-label.bin"),
      squashedTo({
        height: 32,
        width: 32,
        channels: 3,
      }),
    );
    expect(relabelled.pixels).toEqual(images.pixels);
  });

  it("of an odd length are refused, naming the file and the length", async () => {
    await write("odd.bin", records(2).subarray(0, RECORD_BYTES + 5));
    const { code, message } = await failure(loadImages(join(folder, "odd.bin"), squashedTo(SHAPE)));
    expect(code).toBe("no-images");
    expect(message).toMatch(/odd\.bin: not a file of CIFAR records: .*3073/);
  });
});

describe("a zip", () => {
  it("gives its pictures, nested folders included, and says why others are not used", async () => {
    const png = new Uint8Array(await plain(4, 4).png().toBuffer());
    const inner = zipSync({ "x.png": png });
    const zip = zipSync({
      "deep/er/a.png": [png, { level: 0 }],
      "b.png": png,
      "notes.txt": strToU8("hello"),
      "__MACOSX/._b.png": strToU8("junk"),
      ".hidden.png": png,
      "inner.zip": inner,
    });
    await write("photos.zip", zip);
    const images = await loadImages(folder, squashedTo(SHAPE));
    expect(images.count).toBe(2);
    expect(images.skipped).toEqual([
      {
        name: "photos.zip/notes.txt",
        reason: "not a picture: its content is text",
      },
      {
        name: "photos.zip/inner.zip",
        reason: "an archive within an archive is not opened: unpack the outer one",
      },
    ]);
  });

  it("that is cut short is not used, and says so", async () => {
    const png = new Uint8Array(await plain(40, 40).png().toBuffer());
    const zip = zipSync({ "a.png": png, "b.png": png });
    await write("cut.zip", zip.subarray(0, png.length + 60));
    const { message } = await failure(loadImages(join(folder, "cut.zip"), squashedTo(SHAPE)));
    expect(message).toContain("cut.zip: the archive is cut short; copy or download it again");
  });

  it("without a picture is refused", async () => {
    await write("empty.zip", zipSync({}));
    const { message } = await failure(loadImages(join(folder, "empty.zip"), squashedTo(SHAPE)));
    expect(message).toContain("no usable images in");
  });
});

it("reports progress and can be stopped", async () => {
  for (const name of ["a", "b", "c"])
    await write(`${name}.png`, await plain(4, 4).png().toBuffer());
  const seen: number[] = [];
  await loadImages(folder, squashedTo(SHAPE), { onProgress: ({ images }) => seen.push(images) });
  expect(seen).toEqual([1, 2, 3, 3]);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(loadImages(folder, squashedTo(SHAPE), { signal })).rejects.toThrow("enough");
});
