import type { ByteSource } from "../../protocol/zip/seekable-zip.ts";
import { checkRecordsLength, recordImage, recordsOf } from "./cifar-records.ts";
import { fileKind, HEAD_BYTES, whyNotImage } from "./file-kinds.ts";
import { ImageError } from "./image-error.ts";
import type { ImageKeeper } from "./image-keeper.ts";
import { ImageSetBuilder, type ImageProgress, type Imported } from "./image-set-builder.ts";
import type { ImageSet } from "./image-set.ts";
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
  const decoding: { name: string; image: Promise<Uint8Array | Error> }[] = [];

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
    decoding.push({
      name,
      image: decode(bytes)
        .then((picture) => prepareImage(picture, preparation))
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

/** Records have no magic bytes: here, and only here, the name decides. */
function isRecordsName(name: string): boolean {
  return name.toLowerCase().endsWith(".bin");
}
