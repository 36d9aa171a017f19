import { readBytes, type ByteRun, type ByteSource } from "./byte-source.ts";

/** Most bytes copied in one step. */
const PIECE_BYTES = 2 ** 20;

/** A run of a file, and what takes its place: as many bytes. */
export interface ReplacedRun extends ByteRun {
  content(): AsyncIterable<Uint8Array>;
}

/**
 * A file with other bytes in some runs of it, piece by piece.
 *
 * @throws RangeError when a content is longer or shorter than its run.
 */
export async function* replaceRuns(
  source: ByteSource,
  runs: readonly ReplacedRun[],
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { begin, content, end } of [...runs].sort((a, b) => a.begin - b.begin)) {
    yield* copied(source, at, begin);
    at = begin;
    for await (const piece of content()) {
      at += piece.length;
      if (at > end) break;
      yield piece;
    }
    if (at !== end) {
      throw new RangeError(`bytes ${begin} to ${end} are replaced by more or fewer bytes`);
    }
  }
  yield* copied(source, at, source.totalBytes);
}

async function* copied(source: ByteSource, begin: number, end: number) {
  for (let from = begin; from < end; from += PIECE_BYTES) {
    yield await readBytes(source, from, Math.min(end, from + PIECE_BYTES));
  }
}
