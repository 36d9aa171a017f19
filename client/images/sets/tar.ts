import { createTarDecoder } from "modern-tar";
import { fileKind, HEAD_BYTES, isPictureKind } from "../file-kinds.ts";
import {
  type FindOptions,
  type FindImages,
  memorySource,
  UnreadableError,
  type FoundImage,
  type ImageSource,
} from "../found-image.ts";
import { isHidden } from "../hidden-names.ts";
import { memberLimit, tooLarge } from "./member-limit.ts";
import { gathered, piecesFrom, piecesOf, streamOf, type Pieces } from "./pieces.ts";

/** A file of the archive. */
interface Member {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Bytes of files that belong together: of more, those that came first are read without the others. */
const TOGETHER_BYTES = 2 ** 27;

/** As `tarPictures`, of a file. */
export function tarImages(
  source: ImageSource,
  options: FindOptions,
  imagesIn: FindImages,
): AsyncGenerator<FoundImage> {
  return tarPictures(source.name, piecesOf(source), options, imagesIn);
}

/**
 * The pictures of a tar, in its order. Files whose names differ after their first dot only belong
 * together, as WebDataset has them: of such a sample the `.cls` is the label of its pictures, and what
 * else there is beside a picture is passed over.
 *
 * @throws UnreadableError when the archive is damaged, or what else the source throws.
 */
export async function* tarPictures(
  archive: string,
  pieces: Pieces,
  options: FindOptions,
  imagesIn: FindImages,
): AsyncGenerator<FoundImage> {
  let sample: Member[] = [];
  let key = "";
  let held = 0;
  for await (const found of membersOf(archive, pieces)) {
    if ("problem" in found) {
      yield found;
      continue;
    }
    const own = keyOf(found.name);
    if (own !== key || held > TOGETHER_BYTES) {
      yield* picturesOf(archive, sample, options, imagesIn);
      [sample, key, held] = [[], own, 0];
    }
    sample.push(found);
    held += found.bytes.length;
  }
  yield* picturesOf(archive, sample, options, imagesIn);
}

/** Path up to the first dot of the file's name. */
function keyOf(path: string): string {
  const dot = path.indexOf(".", path.lastIndexOf("/") + 1);
  return dot === -1 ? path : path.slice(0, dot);
}

async function* picturesOf(
  archive: string,
  sample: readonly Member[],
  options: FindOptions,
  imagesIn: FindImages,
): AsyncGenerator<FoundImage> {
  const isPicture = ({ bytes }: Member): boolean =>
    isPictureKind(fileKind(bytes.subarray(0, HEAD_BYTES)));
  const hasPicture = sample.some(isPicture);
  const label = options.withLabels ? labelOf(sample) : undefined;
  for (const member of sample) {
    if (hasPicture && !isPicture(member)) continue;
    const file = memorySource(`${archive}/${member.name}`, member.bytes);
    for await (const found of imagesIn(file, { ...options, isWithin: true })) {
      yield "problem" in found || label === undefined ? found : { label, ...found };
    }
  }
}

/** The class that a sample's `.cls` says, a number as text. */
function labelOf(sample: readonly Member[]): number | undefined {
  const said = sample.find(({ name }) => name.endsWith(".cls"));
  const text = said && new TextDecoder().decode(said.bytes.subarray(0, 16)).trim();
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

async function* membersOf(
  archive: string,
  pieces: Pieces,
): AsyncGenerator<Member | { readonly name: string; readonly problem: string }> {
  const entries = streamOf(pieces).pipeThrough(createTarDecoder({ strict: true }));
  try {
    for await (const { body, header } of piecesFrom(entries)) {
      const limit = memberLimit(header.name);
      const isWanted = header.type === "file" && !isHidden(header.name);
      if (!isWanted || header.size > limit) {
        await body.cancel();
        if (isWanted) yield { name: `${archive}/${header.name}`, problem: tooLarge(limit) };
        continue;
      }
      yield { name: header.name, bytes: (await gathered(piecesFrom(body), limit))! };
    }
  } catch (cause) {
    if (cause instanceof UnreadableError) throw cause;
    throw new UnreadableError("is damaged or cut short; copy or download it again", { cause });
  }
}
