import { createServer } from "node:net";
import { CommandError } from "../command-error.ts";

/**
 * Makes sure that a port can be had, so that a taken one is named before anything starts.
 *
 * @throws CommandError when something else listens there, or the address is not this machine's.
 */
export async function checkPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  await new Promise<void>((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => reject(portError(host, port, error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

function portError(host: string, port: number, error: NodeJS.ErrnoException): CommandError {
  switch (error.code) {
    case "EADDRINUSE":
      return new CommandError(
        `port ${port} on ${host} is in use by another program`,
        "Stop that program, or choose another port with --port.",
      );
    case "EACCES":
      return new CommandError(
        `port ${port} may not be opened by this user`,
        "Choose a port above 1023 with --port.",
      );
    default:
      return new CommandError(
        `cannot listen on ${host} port ${port}: ${error.message}`,
        "Name an address of this machine with --host.",
      );
  }
}
