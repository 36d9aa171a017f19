import { join } from "node:path";

/** The entrypoint that is served: the Worker itself, past all that Miniflare puts before it. */
export const DOOR = "door";

/** Where the Worker is served: a UNIX socket in that folder. */
export function workerSocket(sockets: string): string {
  // Miniflare takes a host and appends a port.
  return `${join(sockets, DOOR)}:0`;
}
