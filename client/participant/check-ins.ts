import type { Fit } from "../../protocol/round/fit.ts";
import {
  MAX_IMAGES_PER_SECOND,
  type CheckInReply,
  type CheckInRequest,
} from "../../protocol/round/assignment.ts";
import { ParticipantError } from "./participant-error.ts";

export interface CheckInsOptions {
  /** The device in use, for people. */
  readonly backend: string;
  readonly ask: (report: CheckInRequest) => Promise<CheckInReply>;
  /**
   * A benchmark of local steps, images per second; left out where assignments do not depend on it.
   */
  readonly measure: (() => Promise<number>) | undefined;
}

/**
 * A participant's check-ins: each tells how fast its device is, so that assignments fit the round's
 * deadline (SPEC R11–R13).
 */
export class CheckIns {
  readonly #options: CheckInsOptions;
  #imagesPerSecond: number | undefined;
  /** Until a check-in that tells it was answered. */
  #fit: Fit | undefined;

  constructor(options: CheckInsOptions) {
    this.#options = options;
  }

  /** What the next check-in tells, from the round before. */
  roundTook(examples: number, seconds: number): void {
    this.#imagesPerSecond = reportedSpeed(examples / seconds);
  }

  /** What the next check-in tells of the images (SPEC F1). */
  fitIs(fit: Fit): void {
    this.#fit = fit;
  }

  /** Tells that, while a person is asked whether to go on, and takes no place (SPEC F2). */
  async tellUndecided(): Promise<CheckInReply> {
    return await this.#ask({ undecided: true });
  }

  /**
   * Asks what to do; the first time a benchmark comes before. A round that went slowly may have been
   * an accident, so only a fresh benchmark decides that the device is too slow.
   *
   * @throws ParticipantError `too-slow`.
   */
  async next(): Promise<Exclude<CheckInReply, { kind: "too-slow" }>> {
    let isFresh = this.#imagesPerSecond === undefined;
    if (isFresh) await this.#measure();
    for (;;) {
      const imagesPerSecond = this.#imagesPerSecond;
      const speed = imagesPerSecond === undefined ? {} : { imagesPerSecond };
      const reply = await this.#ask(speed);
      if (reply.kind !== "too-slow") return reply;
      if (isFresh) throw new ParticipantError("too-slow", reply.detail);
      await this.#measure();
      isFresh = true;
    }
  }

  async #ask(more: CheckInRequest): Promise<CheckInReply> {
    const { ask, backend } = this.#options;
    const fit = this.#fit;
    const reply = await ask({ backend, ...(fit && { fit }), ...more });
    this.#fit = undefined;
    return reply;
  }

  async #measure(): Promise<void> {
    const { measure } = this.#options;
    if (measure !== undefined) this.#imagesPerSecond = reportedSpeed(await measure());
  }
}

/**
 * A measured speed as a check-in takes it; undefined when nothing was measured. Where the clock is
 * too coarse for the device it is as fast as is believed.
 */
function reportedSpeed(imagesPerSecond: number): number | undefined {
  return imagesPerSecond > 0 ? Math.min(imagesPerSecond, MAX_IMAGES_PER_SECOND) : undefined;
}
