import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { parseContentDigest } from "../../../../protocol/content-digest.ts";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { UPLOAD_LIMITS } from "../../../../protocol/round/upload.ts";
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "../../../../protocol/round/version.ts";
import { asksForSocket } from "./event-tunnel.ts";
import type { FrontParts } from "./front-parts.ts";
import { shownToken } from "./known-tokens.ts";
import { isModelPart, spoolPart } from "./part-spool.ts";
import { sendProblem } from "./problem-answer.ts";
import { describeRequest, tooMany } from "./refused.ts";
import { relayAnswer } from "./relay-answer.ts";
import { drainBody, streamBody } from "./request-body.ts";
import { readHeaders, type RequestHeaders } from "./request-headers.ts";
import { readTarget, type RequestTarget } from "./request-target.ts";
import { unavailable, type WorkerListener } from "./worker-requests.ts";

/** One request on its way through the front. */
export class Exchange {
  readonly #parts: FrontParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  /** Address, or network, that the caller is counted under. */
  readonly #caller: string;
  #asked: ClientRequest | undefined;
  /** What the Worker is given is whole here: it ends whether or not its sender waits for that. */
  #isWhole = false;

  constructor(
    parts: FrontParts,
    request: IncomingMessage,
    response: ServerResponse,
    caller: string,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#caller = caller;
    // Whoever does not wait for the answer needs none.
    response.once("close", () => {
      if (!response.writableFinished && !this.#isWhole) this.#asked?.destroy();
    });
  }

  /** Whether an answer is still to come. */
  get isUnderWay(): boolean {
    return !this.#response.writableEnded;
  }

  /** Whether its answer is on its way, and so are those of all requests of the connection before it. */
  get isAnswered(): boolean {
    return this.#response.writableFinished;
  }

  /** Whether an answer may still be begun: an exchange that was broken off has had its. */
  get #isOpen(): boolean {
    return !this.#response.headersSent && !this.#response.destroyed;
  }

  /** Ends it: the connection brought what is no HTTP. */
  breakOff(problem: ProtocolError): void {
    this.#asked?.destroy();
    if (this.#response.headersSent) this.#response.destroy();
    else sendProblem(this.#response, problem, { close: true });
  }

  begin(): void {
    const { rawHeaders, httpVersion, method = "", url = "" } = this.#request;
    let head: RequestHeaders;
    try {
      head = readHeaders(rawHeaders, httpVersion, this.#parts.limits);
    } catch (error) {
      // Where one request ends and the next begins may be in doubt.
      return this.#refuse(error, { close: true });
    }
    try {
      const target = readTarget(method, url, this.#parts.pages);
      this.#checkBody(method, target, head);
      this.#route(target, head);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown, options: { readonly close?: boolean } = {}): void {
    if (!(error instanceof ProtocolError)) throw error;
    if (!this.#isOpen) return;
    sendProblem(this.#response, error, options);
    drainBody(this.#request, this.#parts.limits);
  }

  #checkBody(method: string, { kind }: RequestTarget, { framing }: RequestHeaders): void {
    if (asksForSocket(this.#request)) {
      throw new ProtocolError(
        "malformed-request",
        "there is no web socket at this address with this method: see GET /api/v1/events",
      );
    }
    if (framing.hasBody && method !== "POST" && method !== "PUT") {
      throw new ProtocolError("malformed-request", `a ${method} request has no body here`);
    }
    if (kind === "upload" && framing.length === undefined) {
      throw new ProtocolError(
        "length-required",
        "the body has no Content-Length: send it whole, not chunked",
      );
    }
  }

  #route(target: RequestTarget, head: RequestHeaders): void {
    const { passed } = head;
    const version = passed[PROTOCOL_HEADER.toLowerCase()]?.trim() ?? String(PROTOCOL_VERSION);
    if (target.kind === "public" && version === String(PROTOCOL_VERSION)) {
      void this.#parts.publicAnswers.answer(target.path, this.#request, this.#response);
      return;
    }
    const now = Date.now();
    const token = shownToken(passed);
    const isKnown = token !== undefined && this.#parts.tokens.has(token, now);
    if (!isKnown && !this.#parts.strangers.take(this.#caller, now)) {
      throw tooMany("too many requests without a token of this coordinator come from this address");
    }
    if (target.kind === "upload") this.#upload(target, head, isKnown);
    else if (head.framing.hasBody) this.#collect(target, head, isKnown);
    else this.#inTurn(target, head, undefined, isKnown);
  }

  #upload({ path }: RequestTarget, { framing, passed }: RequestHeaders, isKnown: boolean): void {
    const leave = this.#parts.uploads.enter(this.#caller);
    if (leave === undefined) throw tooMany("too many uploads are under way", 5);
    this.#response.once("close", leave);
    const { limits, spool, tokens } = this.#parts;
    const headers = { ...passed, "content-length": framing.length ?? 0 };
    const isPart =
      isModelPart(path) && tokens.isAdministrator(shownToken(passed) ?? "", Date.now());
    const digest = isPart ? parseContentDigest(passed["content-digest"]) : undefined;
    // What is refused by its head alone, the Worker refuses.
    if (digest !== undefined && (framing.length ?? 0) <= UPLOAD_LIMITS.mostPartBytes) {
      spoolPart(this.#request, digest, spool, limits, {
        whole: (part) => {
          this.#isWhole = true;
          const asked = this.#ask(path, headers, "streamed", isKnown, leave);
          asked.once("close", part.discard);
          part.sendTo(asked);
        },
        failed: (problem) => this.#refuse(problem, { close: problem.code !== "digest-mismatch" }),
      });
      return;
    }
    const asked = this.#ask(path, headers, "streamed", isKnown, leave);
    streamBody(this.#request, asked, limits, (problem) => this.breakOff(problem));
  }

  #collect(target: RequestTarget, head: RequestHeaders, isKnown: boolean): void {
    this.#parts.collector.collect(this.#request, head.framing.length, isKnown, {
      whole: (body) => {
        if (!this.#isOpen) return;
        try {
          this.#inTurn(target, head, body, isKnown);
        } catch (error) {
          this.#refuse(error);
        }
      },
      failed: (problem) => this.#refuse(problem, { close: problem.code === "request-timeout" }),
    });
  }

  /** Asks when fewer others are waiting for the Worker; a place in line is bounded, too. */
  #inTurn(
    { path }: RequestTarget,
    { passed }: RequestHeaders,
    body: Buffer | undefined,
    isKnown: boolean,
  ): void {
    const leaveLine = this.#parts.line.enter(this.#caller);
    if (leaveLine === undefined) throw tooMany("too many requests are waiting");
    const giveUp = this.#parts.turns.take((end) => {
      const over = (): void => {
        end();
        leaveLine();
      };
      this.#response.once("close", over);
      this.#ask(path, passed, body ?? "none", isKnown, over);
    });
    this.#response.once("close", () => {
      giveUp();
      leaveLine();
    });
  }

  /** @param settled is called once the Worker has answered, or will not. */
  #ask(
    path: string,
    headers: Readonly<Record<string, string | number>>,
    body: Buffer | "none" | "streamed",
    isKnown: boolean,
    settled: () => void,
  ): ClientRequest {
    const patience = setTimeout(
      () => this.breakOff(unavailable("the coordinator did not answer in time")),
      this.#parts.limits.answerMs,
    );
    patience.unref();
    const settle = (): void => {
      clearTimeout(patience);
      settled();
    };
    this.#response.once("close", settle);
    const listener: WorkerListener = {
      answered: (answer) => {
        settle();
        const token =
          typeof bearer === "string" ? shownToken({ authorization: bearer }) : undefined;
        if (token !== undefined) {
          this.#parts.tokens.learn(token, path, answer.statusCode ?? 500, Date.now());
        }
        this.#answered(answer, isKnown);
      },
      failed: (problem) => {
        settle();
        this.#refuse(problem);
      },
    };
    const { method = "GET" } = this.#request;
    const { authorization: bearer } = headers;
    this.#asked = this.#parts.worker.ask({ method, path, headers, body }, listener);
    return this.#asked;
  }

  #answered(answer: IncomingMessage, isKnown: boolean): void {
    const { limits, refusals } = this.#parts;
    const relay = (): void => {
      if (!this.#isOpen) return void answer.destroy();
      relayAnswer(answer, this.#response, limits.stalledMs);
      drainBody(this.#request, limits);
    };
    if (answer.statusCode !== 401 || isKnown) return relay();
    const hold = refusals.note(this.#caller, describeRequest(this.#request), Date.now());
    if (hold === undefined) {
      answer.destroy();
      return this.#refuse(tooMany("too many refused logins come from this address", 10));
    }
    if (hold.holdMs === 0) return relay();
    this.#response.once("close", hold.release);
    const timer = setTimeout(relay, hold.holdMs);
    this.#response.once("close", () => clearTimeout(timer));
  }
}
