import { fileKind, HEAD_BYTES, isPictureKind, whyNotImage, type SetKind } from "./file-kinds.ts";
import type { FindOptions, FoundImage, ImageSource } from "./found-image.ts";
import { isRawName, RAW_REASON } from "./unread-kinds.ts";

/** Files up to so many bytes are read in one go: most pictures, and to ask twice costs a tab more than to copy. */
const AT_ONCE = 2 ** 20;

/** Largest encoded picture that is read; beyond it is no photograph. */
const MAX_IMAGE_FILE = 64 * 2 ** 20;

/**
 * The pictures of one file, in its own order: itself, or those of the archive or data set that it is.
 * What gives none comes with the reason.
 *
 * @throws UnreadableError, or what else the source throws.
 *
 * @example
 * for await (const found of imagesIn(memorySource("pool.npz", bytes), { withLabels: false })) …
 */
export async function* imagesIn(
  source: ImageSource,
  options: FindOptions,
): AsyncGenerator<FoundImage> {
  const { name } = source;
  const start = await source.read(0, Math.max(HEAD_BYTES, Math.min(source.size, AT_ONCE)));
  const head = start.subarray(0, HEAD_BYTES);
  const kind = fileKind(head);
  if (isPictureKind(kind)) {
    if (kind === "tiff" && isRawName(name)) yield { name, problem: RAW_REASON };
    else if (source.size > MAX_IMAGE_FILE) {
      yield { name, problem: `larger than ${MAX_IMAGE_FILE / 2 ** 20} MiB` };
    } else {
      yield { name, bytes: source.size <= AT_ONCE ? start : await source.read(0, source.size) };
    }
    return;
  }
  switch (kind) {
    case "empty":
    case "text":
    case "unknown":
      // Records say nothing of themselves: here, and only here, the name decides.
      if (kind !== "empty" && isRecordsName(name)) yield* recordImages(source);
      else yield { name, problem: whyNotImage(head, name) };
      return;
    case "zip":
    case "tar":
      if (options.isWithin === true) {
        yield { name, problem: "an archive within an archive is not opened: unpack the outer one" };
        return;
      }
  }
  yield* imagesOfSet(source, kind, head, options);
}

function isRecordsName(name: string): boolean {
  return /\.bin$/i.test(name);
}

async function* recordImages(source: ImageSource): AsyncGenerator<FoundImage> {
  yield* (await import("./cifar-records.ts")).recordsIn(source);
}

/** What reads each is loaded when one is given: most pages never see any. */
async function* imagesOfSet(
  source: ImageSource,
  kind: SetKind,
  head: Uint8Array,
  options: FindOptions,
): AsyncGenerator<FoundImage> {
  switch (kind) {
    case "zip":
      yield* (await import("./sets/zip.ts")).zipImages(source, options, imagesIn);
      return;
    case "tar":
      yield* (await import("./sets/tar.ts")).tarImages(source, options, imagesIn);
      return;
    case "gzip":
      yield* (await import("./sets/gzip.ts")).gzipImages(source, options, imagesIn);
      return;
    case "parquet":
      yield* (await import("./sets/parquet.ts")).parquetImages(source, options);
      return;
    case "npy":
      yield* (await import("./sets/npy.ts")).npyImages(source, options);
      return;
    case "pickle":
      // A record of class 128 may begin so, too.
      if (isRecordsName(source.name)) yield* recordImages(source);
      else yield* (await import("./sets/cifar-batch.ts")).batchImages(source, options);
      return;
    case "idx": {
      const { idxImages, isIdxFile } = await import("./sets/idx.ts");
      // A record may begin so, too: of class 0, and all but black.
      if (isIdxFile(head, source.size) || !isRecordsName(source.name)) {
        yield* idxImages(source, options);
      } else yield* recordImages(source);
      return;
    }
  }
}
