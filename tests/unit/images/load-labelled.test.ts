import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { recordsFrom, RECORD_BYTES } from "../../../client/images/cifar-records.ts";
import { ImageError } from "../../../client/images/image-error.ts";
import { joinLabelled, loadLabelled } from "../../../client/images/load-labelled.ts";
import { temporaryDirectory } from "../cli/temporary-directory.ts";
import { squashedTo } from "../../../client/images/prepare-image.ts";

const SHAPE = { height: 4, width: 4, channels: 3 };

async function classFolders(folder: string, content: Readonly<Record<string, readonly number[]>>) {
  for (const [name, greys] of Object.entries(content)) {
    await mkdir(join(folder, name), { recursive: true });
    for (const [index, grey] of greys.entries()) {
      const background = { r: grey, g: grey, b: grey };
      const picture = sharp({ create: { width: 4, height: 4, channels: 3, background } });
      await writeFile(join(folder, name, `${index}.png`), await picture.png().toBuffer());
    }
  }
}

/** A set of one image of one grey, its label. */
function single(label: number, classNames: string[] | undefined) {
  return {
    images: { ...SHAPE, count: 1, pixels: new Uint8Array(48).fill(label) },
    labels: Uint32Array.of(label),
    classNames,
    skipped: [],
  };
}

describe("labelled images", () => {
  it("take their labels from the order of the sub-folders, empty ones counted", async () => {
    const folder = await temporaryDirectory();
    await classFolders(folder, { b: [20], a: [10, 11], d: [40], c: [], ".hidden": [1] });
    await writeFile(join(folder, "b", "notes.txt"), "not a picture");
    await writeFile(join(folder, "read-me.txt"), "stray");
    const { images, labels, classNames, skipped } = await loadLabelled(folder, squashedTo(SHAPE));
    expect(classNames).toEqual(["a", "b", "c", "d"]);
    expect(Array.from(labels)).toEqual([0, 0, 1, 3]);
    expect([0, 1, 2, 3].map((index) => images.pixels[index * 48])).toEqual([10, 11, 20, 40]);
    expect(skipped.map(({ name }) => name)).toEqual(["b/notes.txt"]);
  });

  it("are those by whose numbers BackdoorBench called its sub-folders", async () => {
    const folder = join(await temporaryDirectory(), "bd_test_dataset");
    await classFolders(folder, { "1": [1], "2": [2], "10": [10] });
    const { classNames, labels } = await loadLabelled(folder, squashedTo(SHAPE));
    expect(classNames).toBeUndefined();
    expect(Array.from(labels)).toEqual([1, 10, 2]);
  });

  it("are judged without a class of which nothing can be read", async () => {
    const folder = await temporaryDirectory();
    await classFolders(folder, { a: [10], b: [], c: [30] });
    await writeFile(join(folder, "b", "a.png"), "no picture");
    const { labels, skipped } = await loadLabelled(folder, squashedTo(SHAPE));
    expect(Array.from(labels)).toEqual([0, 2]);
    expect(skipped.map(({ name }) => name)).toEqual(["b/a.png"]);
  });

  it("come from a table beside them, as GTSRB's test images have it", async () => {
    const folder = await temporaryDirectory();
    await writeFile(join(folder, "00001.ppm"), "P3 1 1 255 9 9 9");
    await writeFile(join(folder, "GT-test.csv"), "Filename;Width;ClassId\r\n00001.ppm;1;16\r\n");
    const { labels, skipped } = await loadLabelled(folder, squashedTo(SHAPE));
    expect(Array.from(labels)).toEqual([16]);
    expect(skipped.map(({ name }) => name)).toEqual(["GT-test.csv"]);
  });

  it("come from records, too, and records come from them", async () => {
    const folder = await temporaryDirectory();
    const records = Uint8Array.from({ length: 3 * RECORD_BYTES }, (_, index) => (index * 7) % 251);
    const path = join(folder, "some.bin");
    await writeFile(path, records);
    const set = await loadLabelled(path, squashedTo({ height: 32, width: 32, channels: 3 }));
    expect(Array.from(set.labels)).toEqual([0, 1, 2].map((i) => records[i * RECORD_BYTES]));
    expect(recordsFrom(set.images, set.labels)).toEqual(records);
  });

  it("do not go into records when they are of another shape, or labels past a byte", () => {
    const pixels = new Uint8Array(48);
    expect(() => recordsFrom({ ...SHAPE, count: 1, pixels }, [0])).toThrow(ImageError);
    const image = { height: 32, width: 32, channels: 3, count: 1, pixels: new Uint8Array(3072) };
    expect(() => recordsFrom(image, [256])).toThrow(ImageError);
  });

  it("join to one set, unless their classes go by other names", () => {
    const joined = joinLabelled([single(3, undefined), single(1, undefined)]);
    expect(Array.from(joined.labels)).toEqual([3, 1]);
    expect([joined.images.count, joined.images.pixels[0], joined.images.pixels[48]]).toEqual([
      2, 3, 1,
    ]);
    expect(() => joinLabelled([single(0, ["a", "b"]), single(1, ["a", "c"])])).toThrow(ImageError);
  });

  it("are refused with a reason where there are none", async () => {
    const folder = await temporaryDirectory();
    await expect(loadLabelled(folder, squashedTo(SHAPE))).rejects.toThrow(/there are no files/);
    const picture = sharp({ create: { width: 4, height: 4, channels: 3, background: "red" } });
    await writeFile(join(folder, "a.png"), await picture.png().toBuffer());
    await expect(loadLabelled(folder, squashedTo(SHAPE))).rejects.toThrow(
      /a\.png in .* has no label: labelled images stand in one sub-folder for each class/,
    );
    await expect(loadLabelled(join(folder, "nowhere"), squashedTo(SHAPE))).rejects.toThrow(
      ImageError,
    );
  });
});
