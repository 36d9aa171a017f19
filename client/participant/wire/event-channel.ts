import {
  BEARER_SUBPROTOCOL_PREFIX,
  coordinatorEventSchema,
  EVENT_SUBPROTOCOL,
  PING,
  PONG,
  type CoordinatorEvent,
  type ParticipantEvent,
} from "../../../protocol/round/events.ts";
import { API_PREFIX } from "../../../protocol/round/version.ts";
import { endsCampaign } from "../round-over.ts";
import type { Clock, Socket, SocketConstructor } from "../ports.ts";

export interface EventChannelOptions {
  readonly origin: string;
  /** As it is when a connection is made: it is renewed now and then. */
  readonly credential: () => string;
  readonly WebSocket: SocketConstructor | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** Closes the channel for good. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: CoordinatorEvent) => void;
  /** After every new connection: something may have been missed. */
  readonly onConnected: () => void;
}

const PING_MS = 30_000;
const RECONNECT_BASE_MS = 1_000;
const RECONNECT_CAP_MS = 60_000;
/** Progress is for watchers: more often helps nobody. */
const PROGRESS_MS = 2_000;

/**
 * The event socket (SPEC E1–E3): reconnects for as long as the signal allows, and is never needed.
 * Messages that do not parse are ignored.
 */
export class EventChannel {
  readonly #options: EventChannelOptions;
  #socket: Socket | undefined;
  #lastProgress = -Infinity;
  /** The campaign's end was told: whatever closes now is not opened again (SPEC E4). */
  #over = false;

  constructor(options: EventChannelOptions) {
    this.#options = options;
    // Ends with the signal; a channel that cannot be had is no error (SPEC E2).
    this.#keepConnected().catch(() => undefined);
  }

  get connected(): boolean {
    return this.#socket !== undefined;
  }

  /** Sends a sign of life, which the coordinator notes without waking up. */
  beat(): void {
    this.#send(PING);
  }

  /** Tells watchers how the work goes, at most every two seconds. */
  progress(event: ParticipantEvent): void {
    const now = this.#options.clock.now();
    if (this.#socket === undefined || now - this.#lastProgress < PROGRESS_MS) return;
    this.#lastProgress = now;
    this.#send(JSON.stringify(event));
  }

  async #keepConnected(): Promise<void> {
    const { clock, random, signal, WebSocket } = this.#options;
    if (WebSocket === undefined) return;
    for (let failures = 0; !signal.aborted; failures++) {
      const connected = await this.#connection(WebSocket);
      if (connected) failures = 0;
      if (this.#over) return;
      const ceiling = Math.min(RECONNECT_CAP_MS, RECONNECT_BASE_MS * 2 ** Math.min(failures, 10));
      await clock.sleep(random() * ceiling, signal);
    }
  }

  /** One connection from opening to close; resolves with whether it opened at all. */
  #connection(WebSocket: SocketConstructor): Promise<boolean> {
    const { credential, onConnected, onEvent, origin, signal } = this.#options;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const ended = new AbortController();
    let opened = false;
    const end = (): void => {
      if (ended.signal.aborted) return;
      ended.abort();
      this.#socket = undefined;
      signal.removeEventListener("abort", hangUp);
      resolve(opened);
    };
    let socket: Socket;
    try {
      socket = new WebSocket(`${origin.replace(/^http/, "ws")}${API_PREFIX}/events`, [
        EVENT_SUBPROTOCOL,
        BEARER_SUBPROTOCOL_PREFIX + credential(),
      ]);
    } catch {
      return Promise.resolve(false);
    }
    const hangUp = (): void => {
      socket.close();
      end();
    };
    signal.addEventListener("abort", hangUp, { once: true });

    let alive = true;
    socket.addEventListener("open", () => {
      if (ended.signal.aborted) return;
      opened = true;
      this.#socket = socket;
      onConnected();
      this.#ping(ended.signal, () => {
        const wasAlive = alive;
        alive = false;
        if (!wasAlive) hangUp();
        return wasAlive;
      }).catch(() => undefined);
    });
    socket.addEventListener("message", ({ data }) => {
      alive = true;
      if (typeof data !== "string" || data === PONG) return;
      const event = parseEvent(data);
      if (event === undefined) return;
      if (endsCampaign(event)) this.#over = true;
      onEvent(event);
    });
    socket.addEventListener("close", end);
    socket.addEventListener("error", hangUp);
    return promise;
  }

  /** Keeps the connection open, and gives it up when the last ping brought nothing back. */
  async #ping(ended: AbortSignal, stillAlive: () => boolean): Promise<void> {
    for (;;) {
      this.#send(PING);
      await this.#options.clock.sleep(PING_MS, ended);
      if (!stillAlive()) return;
    }
  }

  #send(text: string): void {
    try {
      this.#socket?.send(text);
    } catch {
      // A socket that closes meanwhile: what it would have said was a hint.
    }
  }
}

function parseEvent(text: string): CoordinatorEvent | undefined {
  try {
    return coordinatorEventSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
