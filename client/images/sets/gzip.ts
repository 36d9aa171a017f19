import { fileKind, HEAD_BYTES } from "../file-kinds.ts";
import {
  type FindOptions,
  type FindImages,
  memorySource,
  UnreadableError,
  type FindBeside,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { memberLimit, tooLarge } from "./member-limit.ts";
import { gathered, peek, piecesFrom, piecesOf, streamOf } from "./pieces.ts";
import { tarPictures } from "./tar.ts";

/**
 * The pictures of what is packed with gzip: of a tar as it is unpacked, of any other file once it is in
 * memory.
 *
 * @throws UnreadableError when it is damaged, or what else the source throws.
 */
export async function* gzipImages(
  source: ImageSource,
  options: FindOptions,
  imagesIn: FindImages,
): AsyncGenerator<FoundImage> {
  const { head, pieces } = await peek(unpacked(source), HEAD_BYTES);
  if (fileKind(head) === "tar" && options.isWithin !== true) {
    yield* tarPictures(source.name, pieces, options, imagesIn);
    return;
  }
  const name = source.name.replace(/\.gz$/i, "");
  const limit = memberLimit(source.name);
  const bytes = await gathered(pieces, limit);
  if (bytes === undefined) {
    yield { name: source.name, problem: tooLarge(limit) };
    return;
  }
  const file = memorySource(name, bytes);
  yield* imagesIn(source.beside ? { ...file, beside: packedBeside(source.beside) } : file, {
    ...options,
    isWithin: true,
  });
}

/** What lies beside is packed likewise, or not. */
function packedBeside(beside: FindBeside): FindBeside {
  return async (name) => {
    const packed = await beside(`${name}.gz`);
    if (packed === undefined) return await beside(name);
    const bytes = await gathered(unpacked(packed), memberLimit(packed.name));
    return bytes && memorySource(name, bytes);
  };
}

async function* unpacked(source: ImageSource): AsyncGenerator<Uint8Array> {
  const stream = streamOf(piecesOf(source)).pipeThrough(
    new DecompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>,
  );
  try {
    yield* piecesFrom(stream);
  } catch (cause) {
    // What the stream makes of damage differs between platforms.
    if (cause instanceof UnreadableError) throw cause;
    throw new UnreadableError("is damaged or cut short; copy or download it again", { cause });
  }
}
