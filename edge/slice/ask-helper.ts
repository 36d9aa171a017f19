import { ProtocolError } from "../../protocol/errors.ts";
import {
  bitsOf,
  HELPER_PATHS,
  type MaskSumRequest,
} from "../../protocol/privacy/two-operators/mask-sums.ts";
import { wordBytes, wordsOf, type Words } from "../../protocol/privacy/vector/words.ts";

/**
 * Asks a helper for the sum of one piece of a set's masks (SPEC M8.2).
 *
 * @param url the helper's address
 * @throws ProtocolError as the helper refuses; `unavailable` where nobody answers as one does.
 */
export async function askHelper(url: string, request: MaskSumRequest): Promise<Words> {
  const { body, ok, status } = await answerOf(url, request).catch((error: Error) => {
    throw unavailable(url, `cannot be reached (${error.message})`);
  });
  if (!ok) throw refusalIn(body) ?? unavailable(url, `answered ${status}`);
  const bits = bitsOf(request.piece);
  const expected = wordBytes(bits, request.count);
  if (body.length === expected) return wordsOf(bits, body);
  throw unavailable(url, `answered with ${body.length} bytes, not ${expected}`);
}

async function answerOf(url: string, request: MaskSumRequest) {
  const response = await fetch(new URL(HELPER_PATHS.sums, url), {
    method: "POST",
    // Nobody but the one that is named is told.
    redirect: "manual",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(request),
  });
  const { ok, status } = response;
  return { ok, status, body: new Uint8Array(await response.arrayBuffer()) };
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
