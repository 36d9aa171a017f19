import { READ_KINDS } from "./file-kinds.ts";
import { counted } from "../text/numbers-text.ts";
import { reasonText, summariseSkipped, type SkippedFile } from "./skipped.ts";
import type { ImageSet } from "./image-set.ts";
import { ImageError } from "./image-error.ts";
import type { ImageKeeper } from "./image-keeper.ts";

/** Imported images, and the files that gave none. */
export type Imported<Set extends ImageSet> = Set & { readonly skipped: readonly SkippedFile[] };

/** How far an import is. */
export interface ImageProgress {
  /** Images taken so far. */
  readonly images: number;
  readonly skipped: number;
  /** File at hand. */
  readonly name: string;
}

/** Collects images of one shape into an image set, and what gave none. */
export class ImageSetBuilder<Set extends ImageSet> {
  readonly #keeper: ImageKeeper<Set>;
  readonly #skipped: SkippedFile[] = [];

  /** @throws ImageError `unsupported-shape` unless the model takes one or three channels. */
  constructor(keeper: ImageKeeper<Set>) {
    const { channels } = keeper.shape;
    if (channels !== 3 && channels !== 1) {
      throw new ImageError(
        "unsupported-shape",
        `the model takes images of ${channels} channels, but pictures have three, or one where they are grey`,
      );
    }
    this.#keeper = keeper;
  }

  get count(): number {
    return this.#keeper.count;
  }

  get skippedCount(): number {
    return this.#skipped.length;
  }

  /** Appends an image `[height, width, channels]`. @throws ImageError when there is no room for it. */
  async add(image: Uint8Array): Promise<void> {
    await this.#keeper.add(image);
  }

  skip(name: string, reason: string): void {
    this.#skipped.push({ name, reason });
  }

  /** Gives up what was collected so far. */
  async discard(): Promise<void> {
    await this.#keeper.discard();
  }

  /**
   * @param place what the images came from, for the message.
   * @throws ImageError `no-images` when nothing was added, with the first reasons.
   */
  finish(place: string): Imported<Set> {
    if (this.#keeper.count === 0) throw noImages(place, this.#skipped);
    return { ...this.#keeper.finish(), skipped: this.#skipped };
  }
}

const REASONS_SHOWN = 3;

function noImages(place: string, skipped: readonly SkippedFile[]): ImageError {
  const wanted = `Give ${READ_KINDS}.`;
  if (skipped.length === 0) {
    return new ImageError(
      "no-images",
      `no usable images in ${place}: there are no files. ${wanted}`,
    );
  }
  const { reasons } = summariseSkipped(skipped);
  const [first] = skipped;
  if (skipped.length === 1 && first?.name === place) {
    return new ImageError("no-images", `no usable images in ${place}: ${first.reason}. ${wanted}`);
  }
  const more = reasons.length - REASONS_SHOWN;
  const rest = more > 0 ? `; and ${counted(more, "other reason")}` : "";
  return new ImageError(
    "no-images",
    `no usable images in ${place}: ${reasons.slice(0, REASONS_SHOWN).map(reasonText).join("; ")}${rest}. ${wanted}`,
  );
}
