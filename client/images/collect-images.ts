import type { ByteSource } from "../../protocol/zip/seekable-zip.ts";
import { checkRecordsLength, recordImage, recordsOf } from "./cifar-records.ts";
import { fileKind, HEAD_BYTES, whyNotImage } from "./file-kinds.ts";
import { ImageError } from "./image-error.ts";
import type { ImageKeeper } from "./image-keeper.ts";
import { ImageSetBuilder, type ImageProgress, type Imported } from "./image-set-builder.ts";
import type { ImageSet } from "./image-set.ts";
import { pictureHead, type PictureHead } from "./picture-head.ts";
import type { Picture } from "./picture.ts";
import { prepareImage, type Preparation } from "./prepare-image.ts";

/** A file somewhere: on disk, or picked in a tab. */
export interface ImageSource extends ByteSource {
  /** Path for people, relative to what was picked. */
  readonly name: string;
}

/** Decodes a picture; its error's message says what is wrong with the file. */
type DecodeImage = (bytes: Uint8Array) => Promise<Picture>;

export interface ImageImportOptions {
  readonly onProgress?: (progress: ImageProgress) => void;
  readonly signal?: AbortSignal;
}

/** What one platform brings to an import. */
export interface CollectOptions<Set extends ImageSet> extends ImageImportOptions {
  /** What was picked, for messages. */
  readonly place: string;
  /** What becomes of each picture. */
  readonly preparation: Preparation;
  /** Where images go. */
  readonly keeper: ImageKeeper<Set>;
  readonly decode: DecodeImage;
  /** A single file was named: what is wrong with it is an error, not a skipped file. */
  readonly single: boolean;
}

/** Largest encoded picture that is read; beyond it is no photograph. */
const MAX_IMAGE_FILE = 64 * 2 ** 20;

/** Pictures decoded at once: decoders use threads of their own. */
const DECODING = 8;

/** Their pixels together, unless there is one of more alone: each takes some 8 bytes while it is decoded. */
const DECODING_PIXELS = 2 ** 25;

/** Larger pictures are refused before they are decoded. */
const MAX_PIXELS = 100_000_000;

/**
 * Reads every source in turn: pictures (PNG, JPEG, WebP, told by content), zips of them, and CIFAR
 * records (`*.bin`). The order of the images is that of the sources.
 *
 * @throws ImageError `no-images` when nothing was usable, `unreadable-image-set` when a single named
 *   file is damaged.
 */
export async function collectImages<Set extends ImageSet>(
  sources: AsyncIterable<ImageSource> | Iterable<ImageSource>,
  options: CollectOptions<Set>,
): Promise<Imported<Set>> {
  const builder = new ImageSetBuilder(options.keeper);
  try {
    return await collect(sources, builder, options);
  } catch (error) {
    await builder.discard();
    throw error;
  }
}

async function collect<Set extends ImageSet>(
  sources: AsyncIterable<ImageSource> | Iterable<ImageSource>,
  builder: ImageSetBuilder<Set>,
  options: CollectOptions<Set>,
): Promise<Imported<Set>> {
  const { decode, onProgress, place, preparation, signal, single } = options;
  const decoding: { name: string; pixels: number; image: Promise<Uint8Array | Error> }[] = [];
  const pixelsDecoding = (): number => decoding.reduce((sum, { pixels }) => sum + pixels, 0);

  const report = (name: string): void =>
    onProgress?.({ images: builder.count, skipped: builder.skippedCount, name });
  const takeOldest = async (): Promise<void> => {
    const oldest = decoding.shift();
    if (oldest === undefined) return;
    const image = await oldest.image;
    if (image instanceof Error) builder.skip(oldest.name, image.message);
    else await builder.add(image);
    report(oldest.name);
  };
  const drain = async (): Promise<void> => {
    while (decoding.length > 0) await takeOldest();
  };
  const offer = async (name: string, bytes: Uint8Array): Promise<void> => {
    signal?.throwIfAborted();
    const kind = fileKind(bytes.subarray(0, HEAD_BYTES));
    if (kind !== "png" && kind !== "jpeg" && kind !== "webp") {
      builder.skip(name, whyNotImage(kind));
      return;
    }
    const head = pictureHead(bytes);
    const pixels = head === undefined ? 0 : head.width * head.height;
    if (pixels > MAX_PIXELS) {
      builder.skip(
        name,
        `cannot be decoded: ${head!.width}×${head!.height} pixels are too many; make it smaller`,
      );
      return;
    }
    while (decoding.length > 0 && pixelsDecoding() + pixels > DECODING_PIXELS) await takeOldest();
    decoding.push({
      name,
      pixels,
      image: decode(bytes)
        .then((picture) => prepareImage(inFullRange(picture, head), preparation))
        .catch((cause: unknown) => (cause instanceof Error ? cause : new Error(String(cause)))),
    });
    if (decoding.length >= DECODING) await takeOldest();
  };

  const takeZip = async (source: ImageSource): Promise<void> => {
    // Loaded when one is given: most pages never see a zip.
    const { zipEntries } = await import("./zip.ts");
    for await (const entry of zipEntries(source, source.name)) {
      const name = `${source.name}/${entry.name}`;
      if ("problem" in entry) {
        builder.skip(entry.name === source.name ? entry.name : name, entry.problem);
      } else {
        await offer(name, entry.bytes);
      }
    }
  };
  const takeRecords = async (source: ImageSource): Promise<void> => {
    try {
      checkRecordsLength(source.name, source.size);
    } catch (error) {
      if (single || !(error instanceof ImageError)) throw error;
      builder.skip(source.name, error.message);
      return;
    }
    await drain();
    for await (const record of recordsOf(source)) {
      if (builder.count % 256 === 0) {
        signal?.throwIfAborted();
        report(source.name);
      }
      await builder.add(prepareImage(recordImage(record), preparation));
    }
  };

  for await (const source of sources) {
    signal?.throwIfAborted();
    const kind = fileKind(await source.read(0, HEAD_BYTES));
    if (kind === "zip") await takeZip(source);
    else if (isRecordsName(source.name) && (kind === "unknown" || kind === "text")) {
      await takeRecords(source);
    } else if (source.size > MAX_IMAGE_FILE) {
      builder.skip(source.name, `larger than ${MAX_IMAGE_FILE / 2 ** 20} MiB`);
    } else await offer(source.name, await source.read(0, source.size));
  }
  await drain();
  const images = builder.finish(place);
  onProgress?.({ images: images.count, skipped: images.skipped.length, name: "" });
  return images;
}

/** Bytes that 12 bits come to when they are taken for 16. */
const TWELVE_BITS_OF_SIXTEEN = 16;

/** @throws Error for 16 bits of which only the lowest are used, as cameras' sensors do: it would be black. */
function inFullRange(picture: Picture, head: PictureHead | undefined): Picture {
  const isDim = head?.bits === 16 && picture.data.every((value) => value <= TWELVE_BITS_OF_SIXTEEN);
  if (!isDim) return picture;
  throw new Error(
    "has 16 bits a channel, of which the values use 12 or fewer, and would be all but black: bring them to the whole range, or to 8 bits, as they were for training",
  );
}

/** Records have no magic bytes: here, and only here, the name decides. */
function isRecordsName(name: string): boolean {
  return name.toLowerCase().endsWith(".bin");
}
