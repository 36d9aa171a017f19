import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { z } from "zod";
import { ProtocolError } from "../../protocol/errors.ts";
import { fingerprint } from "../../protocol/privacy/identities/organisation.ts";
import { checkRequest, sumOfMasks } from "../../protocol/privacy/two-operators/helper.ts";
import {
  bitsOf,
  HELPER_PATHS,
  maskSumRequestSchema,
  type helperAboutSchema,
  type MaskSumRequest,
} from "../../protocol/privacy/two-operators/mask-sums.ts";
import { helperKeysOf, type HelperKeys } from "../../protocol/privacy/two-operators/sealed-seed.ts";
import { bytesOfWords } from "../../protocol/privacy/vector/words.ts";
import { unwrap } from "../outcome.ts";
import { problemResponse } from "../problems.ts";
import { VERSION } from "../version.ts";
import type { HelperEnvironment } from "./environment.ts";

/** All sets are in one book: one of two could not tell what the other admitted. */
const BOOK = "all";

/** Longest request, bytes (SPEC P3). */
const MOST_BYTES = 65_536;

const limitBody = bodyLimit({
  maxSize: MOST_BYTES,
  onError: () => {
    throw new ProtocolError("payload-too-large", `a request may have ${MOST_BYTES} bytes`);
  },
});

/**
 * The helper of campaigns of two operators as one request handler (SPEC M8): it has no accounts, keeps
 * which sets it answered for and nothing else, and gives sums of masks away to whoever has the sealed
 * seeds of a set that is in order.
 */
export const helperApp = new Hono<{ Bindings: HelperEnvironment }>()
  .get(HELPER_PATHS.about, async ({ env, json }) => {
    const { publicKey: key } = await keysOf(env);
    const about: z.infer<typeof helperAboutSchema> = {
      key,
      fingerprint: fingerprint(key),
      version: VERSION,
    };
    return json(about);
  })
  .post(HELPER_PATHS.sums, limitBody, async ({ env, req }) => {
    const request = requestOf(await req.text());
    const { opened, streams } = await checkRequest(request, await keysOf(env));
    unwrap(await env.RECORDS.getByName(BOOK).admit(opened));
    const { count, piece } = request;
    const sum = await sumOfMasks(streams, piece, bitsOf(piece), count);
    return new Response(bytesOfWords(sum), {
      headers: { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" },
    });
  })
  .notFound(({ req }) =>
    problemResponse(
      new ProtocolError(
        "not-found",
        `${req.method} ${req.path} is no route of this helper: it has GET ${HELPER_PATHS.about} and POST ${HELPER_PATHS.sums}`,
      ),
    ),
  )
  .onError((error) => {
    if (error instanceof ProtocolError) return problemResponse(error);
    console.error(error);
    const detail = "the helper failed while it answered; its log says why. Repeating is safe";
    return problemResponse(new ProtocolError("internal", detail));
  });

function requestOf(text: string): MaskSumRequest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new ProtocolError("malformed-request", "the body is no JSON: correct the request");
  }
  const { data, error } = maskSumRequestSchema.safeParse(json);
  if (data !== undefined) return data;
  const issues = error!.issues.map(({ message, path }) => `${path.join(".")}: ${message}`);
  throw new ProtocolError("malformed-request", `the body is not valid: ${issues.join("; ")}`);
}

/** @throws ProtocolError `not-configured` without a key of 32 bytes. */
async function keysOf({ SCOUR_HELPER_KEY: secret = "" }: HelperEnvironment): Promise<HelperKeys> {
  if (/^[0-9a-f]{64}$/.test(secret)) return await helperKeysOf(secret);
  throw new ProtocolError(
    "not-configured",
    "SCOUR_HELPER_KEY is to be 32 random bytes in lower-case hexadecimal, such as `openssl rand -hex 32` prints: set it with `wrangler secret put SCOUR_HELPER_KEY --config wrangler.helper.toml`",
  );
}
