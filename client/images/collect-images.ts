import { decodePicture, type PlatformDecoder } from "./decode-picture.ts";
import {
  UnreadableError,
  type FoundImage,
  type ImageSource,
  type UnreadablePlace,
} from "./found-image.ts";
import type { ImageKeeper } from "./image-keeper.ts";
import { ImageSetBuilder, type ImageProgress, type Imported } from "./image-set-builder.ts";
import type { ImageSet } from "./image-set.ts";
import { imagesIn } from "./images-in.ts";
import { pictureHead } from "./picture-head.ts";
import type { Picture, PictureHead } from "./picture.ts";
import { prepareImage, type Preparation } from "./prepare-image.ts";

export interface ImageImportOptions {
  readonly onProgress?: (progress: ImageProgress) => void;
  readonly signal?: AbortSignal;
}

/** What was picked, file by file; what of it cannot be read is told. */
export type Sources =
  | AsyncIterable<ImageSource | UnreadablePlace>
  | Iterable<ImageSource | UnreadablePlace>;

/** What one platform brings to an import. */
export interface CollectOptions<Set extends ImageSet> extends ImageImportOptions {
  /** What was picked, for messages. */
  readonly place: string;
  /** What becomes of each picture. */
  readonly preparation: Preparation;
  /** Where images go. */
  readonly keeper: ImageKeeper<Set>;
  readonly decode: PlatformDecoder;
  /** Told the class of each image that is added, in order: for reports on labelled data only. */
  readonly onLabel?: (label: number | undefined, name: string) => void;
}

/** Pictures decoded at once: decoders use threads of their own. */
const DECODING = 8;

/** What they take together while they are decoded, unless there is one of more alone. */
const DECODING_BYTES = 2 ** 28;

/** Larger pictures are refused before they are decoded. */
const MAX_PIXELS = 100_000_000;

/**
 * Reads every source in turn: pictures, archives of them and data sets, told by their content
 * (`file-kinds.ts`). The order of the images is that of the sources. What cannot be read is skipped, with
 * the reason.
 *
 * @throws ImageError `no-images` when nothing was usable.
 */
export async function collectImages<Set extends ImageSet>(
  sources: Sources,
  options: CollectOptions<Set>,
): Promise<Imported<Set>> {
  const builder = new ImageSetBuilder(options.keeper);
  try {
    await new Collector(builder, options).collect(sources);
    const images = builder.finish(options.place);
    options.onProgress?.({ images: images.count, skipped: images.skipped.length, name: "" });
    return images;
  } catch (error) {
    await builder.discard();
    throw error;
  }
}

/** An image that is being made. */
interface Decoding {
  readonly name: string;
  readonly label: number | undefined;
  readonly bytes: number;
  readonly image: Promise<Uint8Array | Error>;
}

class Collector<Set extends ImageSet> {
  readonly #builder: ImageSetBuilder<Set>;
  readonly #options: CollectOptions<Set>;
  readonly #decoding: Decoding[] = [];

  constructor(builder: ImageSetBuilder<Set>, options: CollectOptions<Set>) {
    this.#builder = builder;
    this.#options = options;
  }

  async collect(sources: Sources): Promise<void> {
    for await (const source of sources) {
      this.#options.signal?.throwIfAborted();
      if ("problem" in source) this.#builder.skip(source.name, source.problem);
      else await this.#takeFile(source);
    }
    while (this.#decoding.length > 0) await this.#takeOldest();
  }

  async #takeFile(source: ImageSource): Promise<void> {
    const withLabels = this.#options.onLabel !== undefined;
    try {
      for await (const found of imagesIn(source, { withLabels })) {
        this.#options.signal?.throwIfAborted();
        await this.#take(found, source.label ?? ("label" in found ? found.label : undefined));
      }
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
      this.#builder.skip(source.name, error.message);
    }
  }

  async #take(found: FoundImage, label: number | undefined): Promise<void> {
    const { name } = found;
    if ("problem" in found) this.#builder.skip(name, found.problem);
    else if ("picture" in found) {
      const { picture } = found;
      await this.#make(name, label, bytesToMake(picture, 0), () => Promise.resolve(picture));
    } else await this.#decode(name, label, found.bytes);
  }

  async #decode(name: string, label: number | undefined, bytes: Uint8Array): Promise<void> {
    const head = await pictureHead(bytes);
    if (head !== undefined && head.width * head.height > MAX_PIXELS) {
      const reason = `cannot be decoded: ${head.width}×${head.height} pixels are too many; make it smaller`;
      this.#builder.skip(name, reason);
      return;
    }
    // One that does not say how large it is may be of any size.
    const takes = head === undefined ? Infinity : bytesToMake(head, bytes.length);
    await this.#make(name, label, takes, () => decodePicture(bytes, head, this.#options.decode));
  }

  /** Begins an image once there is room for it among those that are being made. */
  async #make(
    name: string,
    label: number | undefined,
    bytes: number,
    picture: () => Promise<Picture>,
  ): Promise<void> {
    const taken = (): number => this.#decoding.reduce((sum, one) => sum + one.bytes, 0);
    while (
      this.#decoding.length === DECODING ||
      (this.#decoding.length > 0 && taken() + bytes > DECODING_BYTES)
    ) {
      await this.#takeOldest();
    }
    const image = picture()
      .then((decoded) => prepareImage(decoded, this.#options.preparation))
      .catch((cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause))));
    this.#decoding.push({ name, label, bytes, image });
  }

  async #takeOldest(): Promise<void> {
    const oldest = this.#decoding.shift();
    if (oldest === undefined) return;
    const { name } = oldest;
    const image = await oldest.image;
    if (image instanceof Error) this.#builder.skip(name, image.message);
    else {
      await this.#builder.add(image);
      this.#options.onLabel?.(oldest.label, name);
    }
    const { count, skippedCount } = this.#builder;
    this.#options.onProgress?.({ images: count, skipped: skippedCount, name });
  }
}

/** What a picture takes while it is decoded: its file, and pixels in some copies. */
function bytesToMake({ bits, height, width }: PictureSize, fileBytes: number): number {
  return fileBytes + 8 * width * height * (bits === 16 ? 2 : 1);
}

type PictureSize = Pick<PictureHead, "width" | "height"> & { readonly bits?: number };
