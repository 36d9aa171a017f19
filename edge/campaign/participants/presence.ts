import type { ParticipantReport } from "../../../protocol/round/reports.ts";
import type { Roster } from "../store/roster.ts";
import type { EventSockets } from "./sockets.ts";

/** A participant heard of within this time counts as connected even without a socket, ms. */
const PRESENT_MS = 60_000;

/** Last-seen times are written no more often than this, ms. */
const SEEN_GRAIN_MS = 20_000;

/** Who is there, from sockets and requests. */
export class Presence {
  readonly #sockets: EventSockets;
  readonly #roster: Roster;
  readonly #seen = new Map<string, number>();

  constructor(sockets: EventSockets, roster: Roster) {
    this.#sockets = sockets;
    this.#roster = roster;
  }

  /** Notes a message of the event socket. */
  heard(participant: string, now: number): void {
    this.#seen.set(participant, now);
  }

  /**
   * When a participant was last heard of: by request, by message, by a ping of its socket. After a
   * restart its row tells, which may be somewhat older than what it was.
   */
  heardAt(participant: string, lastSeenAt: number): number {
    const seen = this.#seen.get(participant) ?? lastSeenAt + SEEN_GRAIN_MS;
    return Math.max(seen, this.#sockets.pingedAt(participant));
  }

  /** Notes a request, in a row only now and then. */
  note(participant: string, lastSeenAt: number, now: number): void {
    this.#seen.set(participant, now);
    if (now - lastSeenAt >= SEEN_GRAIN_MS) this.#roster.seen(participant, now);
  }

  isConnected(participant: string, now: number): boolean {
    if (this.#sockets.isOpen(participant)) return true;
    const seenAt = this.#seen.get(participant) ?? this.#roster.participant(participant)?.lastSeenAt;
    return seenAt !== undefined && now - seenAt < PRESENT_MS;
  }

  progress(participant: string): ParticipantReport["progress"] {
    return this.#sockets.progress(participant);
  }
}
