import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { ProtocolError } from "../../../../protocol/errors.ts";
import type { FrontLimits } from "./limits.ts";
import { sendProblem } from "./problem-answer.ts";
import { answerHeaders, isOurs, runtimeFailure } from "./relay-answer.ts";
import { unavailable, type WorkerRequests } from "./worker-requests.ts";

interface PublicAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  /** Where compressing pays. */
  readonly zipped: Buffer | undefined;
}

interface Entry {
  readonly answer: Promise<PublicAnswer>;
  /** ms; Infinity while it is being asked for. */
  goodUntil: number;
}

const COMPRESSIBLE = /^(?:text\/|application\/(?:json|javascript|wasm)|image\/svg)/;
const WORTH_COMPRESSING_BYTES = 1024;

/**
 * Answers that are the same for everybody, asked of the Worker once for many callers: however many
 * strangers ask, the Worker answers each address a few times a minute.
 */
export class PublicAnswers {
  readonly #worker: WorkerRequests;
  readonly #limits: FrontLimits;
  readonly #entries = new Map<string, Entry>();

  constructor(worker: WorkerRequests, limits: FrontLimits) {
    this.#worker = worker;
    this.#limits = limits;
  }

  /** Forgets all: the Worker is another one from now on. */
  clear(): void {
    this.#entries.clear();
  }

  /** @param path one of a list: it is remembered. */
  async answer(path: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    let answer: PublicAnswer;
    try {
      answer = await this.#entry(path).answer;
    } catch (problem) {
      return sendProblem(response, problem as ProtocolError);
    }
    if (response.destroyed) return;
    const { status, headers, body, zipped } = answer;
    const tag = headers["etag"];
    if (status === 200 && typeof tag === "string" && names(request.headers["if-none-match"], tag)) {
      const { "content-length": _length, "content-type": _type, ...rest } = headers;
      response.writeHead(304, rest).end();
      return;
    }
    const sent =
      zipped !== undefined && takesGzip(request.headers["accept-encoding"]) ? zipped : body;
    response.writeHead(status, {
      ...headers,
      "content-length": sent.length,
      ...(zipped !== undefined && { vary: "Accept-Encoding" }),
      ...(sent === zipped && { "content-encoding": "gzip" }),
    });
    response.end(request.method === "HEAD" ? undefined : sent);
  }

  #entry(path: string): Entry {
    const known = this.#entries.get(path);
    if (known !== undefined && known.goodUntil > performance.now()) return known;
    const entry: Entry = { answer: this.#ask(path), goodUntil: Infinity };
    this.#entries.set(path, entry);
    void this.#settle(path, entry);
    return entry;
  }

  /** Lets an answer age from when it came; a failure is asked for again by the next caller. */
  async #settle(path: string, entry: Entry): Promise<void> {
    const { healthMs, pageMs } = this.#limits;
    try {
      await entry.answer;
      entry.goodUntil = performance.now() + (path.endsWith("/health") ? healthMs : pageMs);
    } catch {
      if (this.#entries.get(path) === entry) this.#entries.delete(path);
    }
  }

  async #ask(path: string): Promise<PublicAnswer> {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const asked = this.#worker.ask(
        { method: "GET", path, headers: {}, body: "none" },
        { answered: resolve, failed: reject },
      );
      // All who ask wait for this one answer: they must not wait for ever.
      asked.setTimeout(this.#limits.publicAnswerMs, () => asked.destroy());
    });
    const body = await wholeOf(answer);
    if (!isOurs(answer)) throw runtimeFailure();
    const headers: OutgoingHttpHeaders = {};
    const raw = answerHeaders(answer);
    for (let i = 0; i < raw.length; i += 2) headers[raw[i]!.toLowerCase()] = raw[i + 1]!;
    const isWorthIt =
      body.length >= WORTH_COMPRESSING_BYTES &&
      COMPRESSIBLE.test(String(headers["content-type"] ?? ""));
    return {
      status: answer.statusCode ?? 500,
      headers,
      body,
      zipped: isWorthIt ? await promisify(gzip)(body) : undefined,
    };
  }
}

/** @throws ProtocolError `unavailable` where the answer breaks off: the Worker ended. */
async function wholeOf(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) chunks.push(chunk);
  } catch {
    throw unavailable("the answer broke off");
  }
  return Buffer.concat(chunks);
}

/** RFC 9110, section 13.1.2; weak comparison. */
function names(ifNoneMatch: string | undefined, tag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((each) => opaque(each) === opaque(tag));
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, "");
}

/** RFC 9110, section 12.5.3, as far as gzip goes. */
export function takesGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? "").split(",").some((element) => {
    const [coding = "", ...parameters] = element.split(";").map((part) => part.trim());
    return (
      coding.toLowerCase() === "gzip" &&
      !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/i.test(parameter))
    );
  });
}
