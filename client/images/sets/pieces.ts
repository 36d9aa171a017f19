import type { ImageSource } from "../found-image.ts";

/** Bytes one after another. */
export type Pieces = AsyncIterable<Uint8Array>;

/** Bytes read at once. */
const PIECE = 2 ** 20;

/** A file from its beginning to its end. */
export async function* piecesOf(source: ImageSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size;) {
    const piece = await source.read(at, PIECE);
    if (piece.length === 0) return;
    yield piece;
    at += piece.length;
  }
}

/** Pieces as a stream; given up when it is. */
export function streamOf(pieces: Pieces): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  });
}

/** A stream's pieces; not all browsers iterate over one. */
export async function* piecesFrom<Piece>(stream: ReadableStream<Piece>): AsyncGenerator<Piece> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel();
  }
}

/**
 * All pieces as one.
 *
 * @returns undefined when they are more bytes than the limit.
 */
export async function gathered(pieces: Pieces, limit: number): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of pieces) {
    length += piece.length;
    if (length > limit) return undefined;
    parts.push(piece);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** The first bytes, so many or all there are, and all pieces once more. */
export async function peek(
  pieces: AsyncGenerator<Uint8Array>,
  length: number,
): Promise<{ readonly head: Uint8Array; readonly pieces: AsyncGenerator<Uint8Array> }> {
  const seen: Uint8Array[] = [];
  let count = 0;
  while (count < length) {
    const { done, value } = await pieces.next();
    if (done === true) break;
    seen.push(value);
    count += value.length;
  }
  const head = new Uint8Array(Math.min(count, length));
  let at = 0;
  for (const piece of seen) {
    head.set(piece.subarray(0, head.length - at), at);
    at += Math.min(piece.length, head.length - at);
  }
  async function* again(): AsyncGenerator<Uint8Array> {
    yield* seen;
    yield* pieces;
  }
  return { head, pieces: again() };
}
