import type { ClientRequest, IncomingMessage } from "node:http";
import { ProtocolError } from "../../../../protocol/errors.ts";
import { BodyPace } from "./body-pace.ts";
import type { FrontLimits } from "./limits.ts";

export function tooSlow(why: string): ProtocolError {
  return new ProtocolError("request-timeout", `${why}: send the request again`);
}

/** What becomes of a body that is collected; one of the two is called, or none if its sender goes. */
export interface Collected {
  whole(body: Buffer): void;
  failed(problem: ProtocolError): void;
}

/** Collects small bodies, so that the Worker is asked only once they are there. */
export class BodyCollector {
  readonly #limits: FrontLimits;
  #bytesInAll = 0;
  #bytesOfStrangers = 0;

  constructor(limits: FrontLimits) {
    this.#limits = limits;
  }

  /**
   * @param length undefined when the body comes in chunks.
   * @param isKnown whether its sender has a token: it does not wait for strangers.
   */
  collect(
    request: IncomingMessage,
    length: number | undefined,
    isKnown: boolean,
    listener: Collected,
  ): void {
    const { collectedBytes } = this.#limits;
    const tooLarge = (): ProtocolError =>
      new ProtocolError(
        "payload-too-large",
        `a body that is no part of a model and no slice may have ${collectedBytes} bytes, this one has more`,
      );
    if (length !== undefined && length > collectedBytes) return listener.failed(tooLarge());
    const chunks: Buffer[] = [];
    let bytes = 0;
    const stop = (): void => {
      pace.end();
      request.off("data", take).off("end", finish).off("close", stop);
      this.#count(-bytes, isKnown);
      bytes = 0;
    };
    const fail = (problem: ProtocolError): void => {
      stop();
      listener.failed(problem);
    };
    const pace = new BodyPace(this.#limits, (why) => fail(tooSlow(why)));
    const take = (chunk: Buffer): void => {
      pace.received(chunk.length);
      bytes += chunk.length;
      this.#count(chunk.length, isKnown);
      chunks.push(chunk);
      if (bytes > collectedBytes) fail(tooLarge());
      else if (this.#isFull(isKnown)) {
        fail(
          new ProtocolError("too-many-requests", "too many bodies are under way: try again soon", {
            retryAfterSeconds: 5,
          }),
        );
      }
    };
    const finish = (): void => {
      stop();
      listener.whole(Buffer.concat(chunks));
    };
    request.on("data", take).on("end", finish).on("close", stop);
  }

  #count(bytes: number, isKnown: boolean): void {
    this.#bytesInAll += bytes;
    if (!isKnown) this.#bytesOfStrangers += bytes;
  }

  #isFull(isKnown: boolean): boolean {
    const { collectedBytesInAll, collectedBytesOfStrangers } = this.#limits;
    if (this.#bytesInAll > collectedBytesInAll) return true;
    return !isKnown && this.#bytesOfStrangers > collectedBytesOfStrangers;
  }
}

/**
 * Streams a body into the Worker's request, no faster than that takes it. Whoever breaks off, breaks
 * off the other.
 */
export function streamBody(
  request: IncomingMessage,
  asked: ClientRequest,
  limits: FrontLimits,
  failed: (problem: ProtocolError) => void,
): void {
  const pace = new BodyPace(limits, (why) => {
    stop();
    failed(tooSlow(why));
    asked.destroy();
  });
  const take = (chunk: Buffer): void => {
    pace.received(chunk.length);
    if (asked.write(chunk) || asked.writableLength < limits.bufferedBytes) return;
    request.pause();
    pace.pause();
  };
  const goOn = (): void => {
    pace.resume();
    request.resume();
  };
  const finish = (): void => {
    stop();
    asked.end();
  };
  const breakOff = (): void => {
    stop();
    asked.destroy();
  };
  const stop = (): void => {
    pace.end();
    request.off("data", take).off("end", finish).off("close", breakOff);
    asked.off("drain", goOn).off("close", stop);
  };
  request.on("data", take).on("end", finish).on("close", breakOff);
  // The Worker may answer and be done with a body before it has ended.
  asked.on("drain", goOn).on("close", stop);
}

/**
 * Reads on, into nothing, what is left of a body whose request was answered already, so that its
 * sender comes to read the answer; for a while, then the connection is cut.
 */
export function drainBody(request: IncomingMessage, limits: FrontLimits): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  const cut = setTimeout(() => request.destroy(), limits.drainMs);
  cut.unref();
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limits.drainedBytes) request.destroy();
  });
  request.once("end", () => clearTimeout(cut)).once("close", () => clearTimeout(cut));
  request.resume();
}
