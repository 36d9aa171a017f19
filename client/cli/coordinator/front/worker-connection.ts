import { createConnection, type Socket } from "node:net";

/** How often and how long a crowded socket is tried again, ms. */
const TRY_AGAIN_MS = 10;
const TRIES = 1000;

type Connected = (error: Error | null, socket: Socket) => void;

/**
 * Connects to the Worker's UNIX socket. Where more connect at once than it has places for, the
 * system says EAGAIN instead of letting them wait: they wait here.
 */
export function connectToWorker(path: string, connected: Connected, tries = TRIES): void {
  const socket = createConnection(path);
  const settle = (error: NodeJS.ErrnoException | null): void => {
    socket.off("connect", opened).off("error", settle);
    if (error?.code === "EAGAIN" && tries > 1) {
      setTimeout(() => connectToWorker(path, connected, tries - 1), TRY_AGAIN_MS);
    } else connected(error, socket);
  };
  const opened = (): void => settle(null);
  socket.once("connect", opened).once("error", settle);
}
