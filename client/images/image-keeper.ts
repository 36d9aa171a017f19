import type { ImageShape } from "../../protocol/model/graph.ts";
import { ImageError } from "./image-error.ts";
import type { ImageFile } from "./image-file.ts";
import { imageSize, type ImageSet, type LoadedImages } from "./image-set.ts";

/** Where images go, one after another, while they are made. */
export interface ImageKeeper<Set extends ImageSet> {
  readonly shape: ImageShape;
  readonly count: number;
  /** Bytes in memory. */
  readonly heldBytes: number;
  /** Takes an image `[height, width, channels]`. @throws ImageError when there is no room for it. */
  add(image: Uint8Array): Promise<void>;
  /** All of them; nothing is added afterwards. */
  finish(): Set;
  /** Gives up all that was taken. */
  discard(): Promise<void>;
}

/** Typed arrays of this size work in every engine. */
const MOST_BYTES = 2 ** 31;

/** Keeps images in memory, of which there are so many bytes at most. */
export class MemoryKeeper implements ImageKeeper<LoadedImages> {
  readonly shape: ImageShape;
  readonly #most: number;
  readonly #imageBytes: number;
  #pixels: Uint8Array<ArrayBuffer>;
  #count = 0;

  constructor(shape: ImageShape, most = MOST_BYTES) {
    this.shape = shape;
    this.#most = most;
    this.#imageBytes = imageSize(shape);
    this.#pixels = new Uint8Array(this.#imageBytes * 64);
  }

  get count(): number {
    return this.#count;
  }

  get heldBytes(): number {
    return this.#pixels.length;
  }

  /** Whether one more is within the limit. */
  get hasRoom(): boolean {
    return (this.#count + 1) * this.#imageBytes <= this.#most;
  }

  // oxlint-disable-next-line typescript/require-await -- others write to a file
  async add(image: Uint8Array): Promise<void> {
    const end = (this.#count + 1) * this.#imageBytes;
    if (!this.hasRoom) throw tooMany(this.shape, this.#count, "the memory that there is for them");
    if (end > this.#pixels.length) {
      const grown = new Uint8Array(Math.min(this.#most, this.#pixels.length * 2));
      grown.set(this.#pixels);
      this.#pixels = grown;
    }
    this.#pixels.set(image, end - this.#imageBytes);
    this.#count++;
  }

  /** The bytes of all images so far. */
  get bytes(): Uint8Array {
    return this.#pixels.subarray(0, this.#count * this.#imageBytes);
  }

  finish(): LoadedImages {
    const { channels, height, width } = this.shape;
    const used = this.bytes;
    const pixels = used.length === this.#pixels.length ? this.#pixels : used.slice();
    return { pixels, count: this.#count, height, width, channels };
  }

  // oxlint-disable-next-line typescript/require-await -- others close a file
  async discard(): Promise<void> {
    this.#pixels = new Uint8Array(0);
    this.#count = 0;
  }
}

/** Bytes of images that stay in memory: 80,000 of 32×32, 1,700 of 224×224. */
const IN_MEMORY = 2 ** 28;

/**
 * Keeps images in memory while they are few, and from then on all of them in a file, as they are: none is
 * lost or changed, and what is read of them is what was put in.
 */
export class SpillingKeeper implements ImageKeeper<ImageSet> {
  readonly shape: ImageShape;
  readonly #openFile: () => Promise<ImageFile>;
  readonly #memory: MemoryKeeper;
  #file: ImageFile | undefined;
  #inFile = 0;

  /**
   * @param openFile opened when memory does not do
   * @param inMemory bytes up to which it does
   */
  constructor(shape: ImageShape, openFile: () => Promise<ImageFile>, inMemory = IN_MEMORY) {
    this.shape = shape;
    this.#openFile = openFile;
    this.#memory = new MemoryKeeper(shape, inMemory);
  }

  get count(): number {
    return this.#memory.count + this.#inFile;
  }

  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  async add(image: Uint8Array): Promise<void> {
    if (this.#file === undefined && this.#memory.hasRoom) {
      await this.#memory.add(image);
      return;
    }
    if (this.#file === undefined) {
      this.#file = await this.#openFile();
      const { count } = this.#memory;
      await this.#file.append(this.#memory.bytes);
      await this.#memory.discard();
      this.#inFile = count;
    }
    await this.#file.append(image);
    this.#inFile++;
  }

  finish(): ImageSet {
    const file = this.#file;
    if (file === undefined) return this.#memory.finish();
    const { channels, height, width } = this.shape;
    const size = imageSize(this.shape);
    return {
      count: this.#inFile,
      height,
      width,
      channels,
      async read(indices) {
        const pixels = new Uint8Array(indices.length * size);
        for (const [position, index] of indices.entries()) {
          const into = pixels.subarray(position * size, (position + 1) * size);
          await file.read(index * size, into);
        }
        return pixels;
      },
      close: () => file.close(),
    };
  }

  async discard(): Promise<void> {
    await this.#memory.discard();
    await this.#file?.close();
    this.#file = undefined;
    this.#inFile = 0;
  }
}

/** @param room what is full: `the memory that there is for them` */
function tooMany({ height, width }: ImageShape, count: number, room: string): ImageError {
  return new ImageError(
    "too-many-images",
    `more than ${count} images of ${width}×${height} do not fit into ${room}; choose fewer`,
  );
}
