import type { ParticipantStatus } from "./status.ts";
import { NO_TOTALS, type ParticipantTotals } from "./totals.ts";

export type ParticipantListener = (status: ParticipantStatus, totals: ParticipantTotals) => void;

/** What a participant does and has done, and who is told of it. */
export class StatusBoard {
  readonly #listeners = new Set<ParticipantListener>();
  #status: ParticipantStatus = { kind: "joining" };
  #totals: ParticipantTotals = NO_TOTALS;

  get status(): ParticipantStatus {
    return this.#status;
  }

  get totals(): ParticipantTotals {
    return this.#totals;
  }

  /** Calls the listener now and at every change. @returns a function that ends it. */
  subscribe(listener: ParticipantListener): () => void {
    this.#listeners.add(listener);
    listener(this.#status, this.#totals);
    return () => void this.#listeners.delete(listener);
  }

  /** @returns the status. */
  show(status: ParticipantStatus): ParticipantStatus {
    this.#status = status;
    for (const listener of this.#listeners) listener(status, this.#totals);
    return status;
  }

  /** Takes new totals, and tells of them at once. */
  count(totals: ParticipantTotals): void {
    this.#totals = totals;
    this.show(this.#status);
  }

  /** Bytes that travelled; told with whatever comes next. */
  addTraffic({ sent, received }: { readonly sent: number; readonly received: number }): void {
    const { bytesReceived, bytesSent } = this.#totals;
    this.#totals = {
      ...this.#totals,
      bytesSent: bytesSent + sent,
      bytesReceived: bytesReceived + received,
    };
  }
}
