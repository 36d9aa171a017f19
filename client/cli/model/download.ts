import { open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { z } from "zod";
import { UPLOAD_LIMITS } from "../../../protocol/round/upload.ts";
import { CommandError } from "../command-error.ts";
import { hasCredentials, isLoopback } from "./model-reference.ts";

/** Redirects that are followed for one file. */
const MOST_REDIRECTS = 5;

/** Tries at one file, and how long is waited before the second, ms; before each further one twice as long. */
const TRIES = 5;
const FIRST_WAIT_MS = 1000;

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Sent to the first address's origin alone, never on to where that leads. */
  readonly token?: string | undefined;
  /** Longer files are not fetched. */
  readonly mostBytes: number;
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  readonly fetcher?: typeof fetch;
  readonly firstWaitMs?: number;
}

/** What is kept beside a file: where it came from, and the validator that it came with. */
const stampSchema = z.object({ url: z.string(), etag: z.string().nullable() });
type Stamp = z.output<typeof stampSchema>;

/**
 * Fetches a file to a place, going on with what an earlier try left there (RFC 9110, section 14: `Range`
 * with `If-Range`), and not at all where the server says that what is there is still the same.
 *
 * @param place the file; what is not whole yet lies beside it, as does where each came from
 * @throws CommandError saying what the server answered; the signal's reason when it aborts, after which
 *   the same call goes on.
 */
export async function download(url: URL, place: string, options: DownloadOptions): Promise<void> {
  const { firstWaitMs = FIRST_WAIT_MS, signal } = options;
  let kept = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await tryDownload(url, place, options);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof CommandError) throw error;
      // A line that breaks off again and again brings it all the same, bit by bit.
      const now = (await sizeOf(partialOf(place))) ?? 0;
      if (now > kept) attempt = 1;
      kept = Math.max(kept, now);
      if (attempt === TRIES) {
        throw new CommandError(
          `${shown(url)} cannot be fetched: ${reasonOf(error)}`,
          "What came is kept: the same command goes on with it.",
          { cause: error },
        );
      }
      await new Promise((resolve) => {
        setTimeout(resolve, firstWaitMs * 2 ** (attempt - 1));
      });
    }
  }
}

async function tryDownload(url: URL, place: string, options: DownloadOptions): Promise<void> {
  const partial = partialOf(place);
  const whole = await stampedFile(place, url);
  const half = await stampedFile(partial, url);
  const begun = half?.bytes ?? 0;
  const headers = new Headers({ "accept-encoding": "identity" });
  if (whole !== undefined) headers.set("if-none-match", whole.etag);
  if (half !== undefined) {
    headers.set("range", `bytes=${begun}-`);
    headers.set("if-range", half.etag);
  }
  const answer = await follow(url, headers, options);
  if (answer.status === 304 && whole !== undefined) return void (await answer.body?.cancel());
  if (answer.status === 416 && begun > 0) {
    // All of it was there, or more: it is not known to be right.
    await answer.body?.cancel();
    await rm(partial, { force: true });
    throw new Error("what was kept of it is longer than the file");
  }
  if (!answer.ok || answer.body === null) {
    await answer.body?.cancel();
    if (answer.status >= 500 || answer.status === 429 || answer.status === 408) {
      throw new Error(`status ${answer.status}`);
    }
    throw refused(url, answer.status, options.token !== undefined);
  }
  const goesOn = answer.status === 206 && begun > 0;
  const first = goesOn ? begun : 0;
  if (goesOn && !answer.headers.get("content-range")?.startsWith(`bytes ${begun}-`)) {
    await answer.body.cancel();
    throw new Error("the server gave other bytes than were asked for");
  }
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  const total = Number.isSafeInteger(length) ? first + length : undefined;
  if ((total ?? 0) > options.mostBytes) {
    await answer.body.cancel();
    throw tooLong(url, options.mostBytes);
  }
  if (!goesOn) await rm(stampOf(partial), { force: true });
  const file = await open(partial, goesOn ? "a" : "w");
  let done = first;
  try {
    const stamp: Stamp = { url: url.href, etag: strongTag(answer) };
    await writeFile(stampOf(partial), JSON.stringify(stamp), { mode: 0o600 });
    options.onProgress?.(done, total);
    for await (const chunk of answer.body) {
      done += chunk.length;
      if (done > options.mostBytes) break;
      // Unlike `write`, goes on until all of it is written.
      await file.writeFile(chunk);
      options.onProgress?.(done, total);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (done > options.mostBytes) {
    // Of what is never fetched whole nothing is of use.
    await rm(partial, { force: true });
    await rm(stampOf(partial), { force: true });
    throw tooLong(url, options.mostBytes);
  }
  if (total !== undefined && done !== total) {
    throw new Error(`it broke off at ${done} of ${total} bytes`);
  }
  await rename(partial, place);
  await rename(stampOf(partial), stampOf(place));
}

/** A GET with its redirects; of what it is sent with, other origins see nothing that is secret. */
async function follow(
  url: URL,
  headers: Headers,
  { fetcher = fetch, signal, token }: DownloadOptions,
): Promise<Response> {
  let at = url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
    const sent = new Headers(headers);
    if (token !== undefined && at.origin === url.origin) {
      sent.set("authorization", `Bearer ${token}`);
    }
    const answer = await fetcher(at, { headers: sent, redirect: "manual", signal });
    if (![301, 302, 303, 307, 308].includes(answer.status)) return answer;
    await answer.body?.cancel();
    const next = URL.parse(answer.headers.get("location") ?? "", at);
    const isSafe =
      next !== null &&
      !hasCredentials(next) &&
      (next.protocol === "https:" || (isLoopback(next) && isLoopback(url)));
    if (!isSafe) {
      throw new CommandError(
        `${shown(url)} leads to '${next === null ? "" : shown(next)}', which is no https address, or one with a password`,
        "Fetch the model yourself and name the file with --model.",
      );
    }
    at = next;
  }
  throw new CommandError(
    `${shown(url)} leads from address to address, more than ${MOST_REDIRECTS} times`,
    "Open it in a browser and see where it ends.",
  );
}

function tooLong(url: URL, mostBytes: number): CommandError {
  return new CommandError(
    `${shown(url)} is longer than the ${mostBytes} bytes that may still come: a model has at most ${UPLOAD_LIMITS.modelBytes} in all`,
    "Check the address; another file may hold the same model in fewer bytes.",
  );
}

/** An address without what may be secret of it. */
export function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function refused(url: URL, status: number, withToken: boolean): CommandError {
  const said = `${shown(url)} answered ${status}`;
  switch (status) {
    case 401:
    case 403:
      return new CommandError(
        `${said}: it is private or gated`,
        withToken
          ? "The token in HF_TOKEN does not open it: accept its terms on the hub with the token's account, or take another token."
          : "Accept its terms on the hub and set HF_TOKEN to a token of yours that may read it.",
      );
    case 404:
      return new CommandError(`${said}: there is no such file`, "Check the address.");
    default:
      return new CommandError(`${said}`, "Open the address in a browser and see what it says.");
  }
}

/** Only a strong validator says that bytes are the same (RFC 9110, section 8.8.1). */
function strongTag(answer: Response): string | null {
  const tag = answer.headers.get("etag");
  return tag === null || tag.startsWith("W/") ? null : tag;
}

function partialOf(place: string): string {
  return `${place}.partial`;
}

function stampOf(path: string): string {
  return `${path}.from`;
}

/** A file that lies here and of which the server can say whether it is still the same. */
async function stampedFile(
  path: string,
  url: URL,
): Promise<{ readonly bytes: number; readonly etag: string } | undefined> {
  const bytes = await sizeOf(path);
  const text = await readFile(stampOf(path), "utf8").catch(() => undefined);
  if (bytes === undefined || bytes === 0 || text === undefined) return undefined;
  try {
    const { etag, url: from } = stampSchema.parse(JSON.parse(text));
    return from === url.href && etag !== null ? { bytes, etag } : undefined;
  } catch {
    // Written by half: what lies there is fetched anew.
    return undefined;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ size }) => size,
    () => undefined,
  );
}

function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
