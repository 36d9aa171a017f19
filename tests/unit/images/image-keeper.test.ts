import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ImageError } from "../../../client/images/image-error.ts";
import type { ImageFile } from "../../../client/images/image-file.ts";
import { openImageFile } from "../../../client/images/image-file-node.ts";
import { MemoryKeeper, SpillingKeeper } from "../../../client/images/image-keeper.ts";
import { closeImages, readPixels, someImages } from "../../../client/images/image-set.ts";

const SHAPE = { height: 16, width: 16, channels: 3 };
const IMAGE = 16 * 16 * 3;
const image = (index: number): Uint8Array =>
  Uint8Array.from({ length: IMAGE }, (_, i) => (index * 31 + i * 7) % 256);
const none = (): Promise<ImageFile> => expect.fail("a file was opened");

/** Files of this process that are still to be seen by name. */
async function leftovers(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith("scour-images-"));
}

describe("images that are kept", () => {
  it("hold no more memory than the limit, however many there are, and are read as they were put in", async () => {
    const before = await leftovers();
    const limit = 64 * IMAGE;
    const keeper = new SpillingKeeper(SHAPE, openImageFile, limit);
    let most = 0;
    for (let index = 0; index < 1000; index++) {
      await keeper.add(image(index));
      most = Math.max(most, keeper.heldBytes);
    }
    expect(most).toBe(limit);
    expect(keeper.heldBytes).toBe(0);
    const images = keeper.finish();
    expect(images).toMatchObject({ count: 1000, ...SHAPE });
    expect(images).not.toHaveProperty("pixels");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(999), { maxLength: 20 }), async (indices) => {
        const wanted = indices.flatMap((index) => [...image(index)]);
        expect([...(await readPixels(images, indices))]).toEqual(wanted);
      }),
      { numRuns: 20 },
    );
    // The file has no name by now: nothing is left behind, not even by a process that is killed.
    expect(await leftovers()).toEqual(before);
    const some = someImages(images, [999, 5, 70]);
    expect(some.count).toBe(3);
    expect(await readPixels(some, [1, 0])).toEqual(await readPixels(images, [5, 999]));
    await closeImages(images);
    await expect(readPixels(images, [0])).rejects.toThrow();
  });

  it("stay in memory while they are few", async () => {
    const keeper = new SpillingKeeper(SHAPE, none, 4 * IMAGE);
    for (let index = 0; index < 4; index++) await keeper.add(image(index));
    const images = keeper.finish();
    expect(images).toHaveProperty("pixels");
    expect(await readPixels(images, [2])).toEqual(image(2));
    expect(await readPixels(someImages(images, [3, 1]), [0])).toEqual(image(3));
  });

  it("are refused with a number and what to do where there is no room", async () => {
    const keeper = new MemoryKeeper(SHAPE, 2 * IMAGE);
    await keeper.add(image(0));
    await keeper.add(image(1));
    const error: unknown = await keeper.add(image(2)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ImageError);
    expect(error).toMatchObject({
      code: "too-many-images",
      message: expect.stringMatching(/more than 2 images of 16×16.*choose fewer/),
    });
  });

  it("give up their file when an import comes to nothing", async () => {
    let closed = 0;
    const file: ImageFile = {
      append: () => Promise.reject(new ImageError("too-many-images", "the disk is full")),
      read: () => Promise.resolve(),
      close: () => Promise.resolve(void closed++),
    };
    const keeper = new SpillingKeeper(SHAPE, () => Promise.resolve(file), IMAGE);
    await keeper.add(image(0));
    await expect(keeper.add(image(1))).rejects.toThrow("the disk is full");
    await keeper.discard();
    expect(closed).toBe(1);
  });
});
