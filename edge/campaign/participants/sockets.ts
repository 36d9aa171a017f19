import { z } from "zod";
import {
  EVENT_SUBPROTOCOL,
  participantEventSchema,
  PING,
  PONG,
  type Announcement,
} from "../../../protocol/round/events.ts";
import type { ParticipantReport } from "../../../protocol/round/reports.ts";

/** Longest message read; progress takes some 150 bytes. */
const MAX_MESSAGE_CHARACTERS = 1024;

/** Survives hibernation with its socket, so that progress costs no row. */
const attachmentSchema = z.object({
  participant: z.string(),
  progress: participantEventSchema.omit({ type: true }).nullable(),
});

/** Event sockets of one campaign, by participant (SPEC E1–E3). */
export class EventSockets {
  readonly #context: DurableObjectState;

  constructor(context: DurableObjectState) {
    this.#context = context;
    context.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
  }

  /** Takes a handshake; a participant's earlier sockets are closed. */
  accept(participant: string): Response {
    for (const socket of this.#context.getWebSockets(participant)) {
      socket.close(1000, "replaced by a newer connection");
    }
    const { 0: client, 1: server } = new WebSocketPair();
    this.#context.acceptWebSocket(server, [participant]);
    server.serializeAttachment({ participant, progress: null });
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: { "Sec-WebSocket-Protocol": EVENT_SUBPROTOCOL },
    });
  }

  participantOf(socket: WebSocket): string | undefined {
    return attachmentSchema.safeParse(socket.deserializeAttachment()).data?.participant;
  }

  /** Keeps the progress a message tells; false when it does not parse. */
  receive(socket: WebSocket, message: string | ArrayBuffer): boolean {
    if (typeof message !== "string" || message.length > MAX_MESSAGE_CHARACTERS) return false;
    let json: unknown;
    try {
      json = JSON.parse(message);
    } catch {
      return false;
    }
    const event = participantEventSchema.safeParse(json);
    if (!event.success) return false;
    const { type: _type, ...progress } = event.data;
    socket.serializeAttachment({ participant: this.participantOf(socket), progress });
    return true;
  }

  isOpen(participant: string): boolean {
    return this.#open(participant).length > 0;
  }

  /** When a participant's socket was last pinged by it, ms since the epoch; 0 for never. */
  pingedAt(participant: string): number {
    const times = this.#open(participant).map((socket) =>
      Number(this.#context.getWebSocketAutoResponseTimestamp(socket)),
    );
    return Math.max(0, ...times);
  }

  progress(participant: string): ParticipantReport["progress"] {
    const [socket] = this.#open(participant);
    return attachmentSchema.safeParse(socket?.deserializeAttachment()).data?.progress ?? null;
  }

  broadcast(event: Announcement): void {
    const text = JSON.stringify(event);
    for (const socket of this.#context.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // Closing already; events are hints, and its participant will ask.
      }
    }
  }

  /** Closes all sockets, once the campaign's end was told on them (SPEC E4). */
  closeAll(reason: string): void {
    for (const socket of this.#context.getWebSockets()) socket.close(1000, reason);
  }

  /** Closes a removed participant's sockets. */
  expel(participant: string): void {
    for (const socket of this.#context.getWebSockets(participant)) {
      socket.close(1008, "removed from the campaign");
    }
  }

  #open(participant: string): WebSocket[] {
    return this.#context
      .getWebSockets(participant)
      .filter((socket) => socket.readyState === WebSocket.OPEN);
  }
}
