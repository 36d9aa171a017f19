import type { ImageShape } from "../../protocol/model/graph.ts";
import type { ImageSet } from "./image-set.ts";
import { ImageError } from "./image-error.ts";
import { imageLength } from "./prepare-image.ts";

/** A file that gave no image, and why: shown to people. */
export interface SkippedFile {
  readonly name: string;
  readonly reason: string;
}

/** Imported images, and the files that gave none. */
export interface ImportedImages extends ImageSet {
  readonly skipped: readonly SkippedFile[];
}

/** How far an import is. */
export interface ImageProgress {
  /** Images taken so far. */
  readonly images: number;
  readonly skipped: number;
  /** File at hand. */
  readonly name: string;
}

/** Typed arrays of this size work in every engine; 700,000 images of 32×32 fit. */
const MAX_BYTES = 2 ** 31;

/** Collects images of one shape into an image set. */
export class ImageSetBuilder {
  readonly #shape: ImageShape;
  readonly #imageBytes: number;
  readonly #skipped: SkippedFile[] = [];
  #pixels: Uint8Array<ArrayBuffer>;
  #count = 0;

  /** @throws ImageError `unsupported-shape` unless the model takes one or three channels. */
  constructor(shape: ImageShape) {
    if (shape.channels !== 3 && shape.channels !== 1) {
      throw new ImageError(
        "unsupported-shape",
        `the model takes images of ${shape.channels} channels, but pictures have three, or one where they are grey`,
      );
    }
    this.#shape = shape;
    this.#imageBytes = imageLength(shape);
    this.#pixels = new Uint8Array(this.#imageBytes * 64);
  }

  get count(): number {
    return this.#count;
  }

  get skippedCount(): number {
    return this.#skipped.length;
  }

  /** Appends an image `[height, width, channels]`. @throws ImageError when the set would pass 2 GiB. */
  add(image: Uint8Array): void {
    const end = (this.#count + 1) * this.#imageBytes;
    if (end > MAX_BYTES) {
      throw new ImageError(
        "unreadable-image-set",
        `more than ${this.#count} images of ${this.#shape.width}×${this.#shape.height} do not fit into memory; choose fewer`,
      );
    }
    if (end > this.#pixels.length) {
      const grown = new Uint8Array(Math.min(MAX_BYTES, this.#pixels.length * 2));
      grown.set(this.#pixels);
      this.#pixels = grown;
    }
    this.#pixels.set(image, end - this.#imageBytes);
    this.#count++;
  }

  skip(name: string, reason: string): void {
    this.#skipped.push({ name, reason });
  }

  /**
   * @param place what the images came from, for the message.
   * @throws ImageError `no-images` when nothing was added, with the first reasons.
   */
  finish(place: string): ImportedImages {
    if (this.#count === 0) throw noImages(place, this.#skipped);
    const { height, width, channels } = this.#shape;
    const used = this.#count * this.#imageBytes;
    return {
      count: this.#count,
      height,
      width,
      channels,
      pixels: used === this.#pixels.length ? this.#pixels : this.#pixels.slice(0, used),
      skipped: this.#skipped,
    };
  }
}

const REASONS_SHOWN = 3;

function noImages(place: string, skipped: readonly SkippedFile[]): ImageError {
  const wanted = "Give PNG, JPEG or WebP files, a zip of them, or CIFAR binary records (*.bin).";
  if (skipped.length === 0) {
    return new ImageError(
      "no-images",
      `no usable images in ${place}: there are no files. ${wanted}`,
    );
  }
  const reasons = skipped.slice(0, REASONS_SHOWN).map(({ name, reason }) => `${name}: ${reason}`);
  const more = skipped.length - reasons.length;
  const rest = more > 0 ? `; and ${more} more` : "";
  return new ImageError(
    "no-images",
    `no usable images in ${place}: ${reasons.join("; ")}${rest}. ${wanted}`,
  );
}
