import { ProtocolError } from "../../protocol/errors.ts";
import {
  bitsOf,
  HELPER_PATHS,
  type MaskSumRequest,
} from "../../protocol/privacy/two-operators/mask-sums.ts";
import { wordBytes, wordsOf, type Words } from "../../protocol/privacy/vector/words.ts";

/** From the question to the answer's last byte; a helper adds 64 masks of a slice in seconds. */
const PATIENCE_MS = 120_000;

/** Refusals are no longer. */
const LONGEST_REFUSAL_BYTES = 16 * 1024;

/**
 * Asks a helper for the sum of one piece of a set's masks (SPEC M8.2).
 *
 * @param url the helper's address
 * @throws ProtocolError as the helper refuses; `unavailable` where nobody answers as one does, in time and
 *   with as many bytes as were asked for.
 */
export async function askHelper(url: string, request: MaskSumRequest): Promise<Words> {
  const bits = bitsOf(request.piece);
  const expected = wordBytes(bits, request.count);
  const { body, ok, status } = await answerOf(url, request, expected).catch((error: Error) => {
    throw unavailable(url, `cannot be reached (${error.message})`);
  });
  if (!ok) throw refusalIn(body) ?? unavailable(url, `answered ${status}`);
  if (body.length === expected) return wordsOf(bits, body);
  const some = body.length > expected ? "more" : `${body.length}`;
  throw unavailable(url, `answered with ${some} bytes, not ${expected}`);
}

async function answerOf(url: string, request: MaskSumRequest, expected: number) {
  // No `AbortSignal.timeout`: it would keep the object in memory until it is over.
  const patience = new AbortController();
  const timer = setTimeout(
    () => patience.abort(new Error(`no whole answer in ${PATIENCE_MS / 1000} seconds`)),
    PATIENCE_MS,
  );
  try {
    const response = await fetch(sumsBeneath(url), {
      method: "POST",
      // Nobody but the one that is named is told.
      redirect: "manual",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(request),
      signal: patience.signal,
    });
    const { body, ok, status } = response;
    return { ok, status, body: await readBeyond(body, ok ? expected : LONGEST_REFUSAL_BYTES) };
  } finally {
    clearTimeout(timer);
  }
}

/** All of a body, or what came of it when it had more than so many bytes: no more is read. */
async function readBeyond(
  body: ReadableStream<Uint8Array> | null,
  most: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels what is left.
  for await (const piece of body ?? []) {
    pieces.push(piece);
    length += piece.length;
    if (length > most) break;
  }
  const all = new Uint8Array(length);
  let offset = 0;
  for (const piece of pieces) {
    all.set(piece, offset);
    offset += piece.length;
  }
  return all;
}

/** A helper's address may have a path. */
function sumsBeneath(url: string): URL {
  const address = new URL(url);
  address.pathname = `${address.pathname.replace(/\/$/, "")}${HELPER_PATHS.sums}`;
  return address;
}

function unavailable(url: string, what: string): ProtocolError {
  return new ProtocolError("unavailable", `the helper at ${url} ${what}: see that it is up`);
}

function refusalIn(body: Uint8Array): ProtocolError | undefined {
  try {
    return ProtocolError.fromProblem(JSON.parse(new TextDecoder().decode(body)));
  } catch {
    return undefined;
  }
}
