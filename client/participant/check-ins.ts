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

  constructor(options: CheckInsOptions) {
    this.#options = options;
  }

  /** What the next check-in tells, from the round before. */
  roundTook(examples: number, seconds: number): void {
    this.#imagesPerSecond = reportedSpeed(examples / seconds);
  }

  /**
   * Asks what to do; the first time a benchmark comes before. A round that went slowly may have been
   * an accident, so only a fresh benchmark decides that the device is too slow.
   *
   * @throws ParticipantError `too-slow`.
   */
  async next(): Promise<Exclude<CheckInReply, { kind: "too-slow" }>> {
    const { ask, backend } = this.#options;
    let isFresh = this.#imagesPerSecond === undefined;
    if (isFresh) await this.#measure();
    for (;;) {
      const imagesPerSecond = this.#imagesPerSecond;
      const speed = imagesPerSecond === undefined ? {} : { imagesPerSecond };
      const reply = await ask({ backend, ...speed });
      if (reply.kind !== "too-slow") return reply;
      if (isFresh) throw new ParticipantError("too-slow", reply.detail);
      await this.#measure();
      isFresh = true;
    }
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
