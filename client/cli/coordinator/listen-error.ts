import { CommandError } from "../command-error.ts";

/** What it means that a server could not listen there. */
export function listenError(
  host: string,
  port: number,
  error: NodeJS.ErrnoException,
): CommandError {
  switch (error.code) {
    case "EADDRINUSE":
      return new CommandError(
        `port ${port} on ${host} is in use by another program`,
        "Stop that program, or choose another port with --port.",
        { cause: error },
      );
    case "EACCES":
      return new CommandError(
        `port ${port} may not be opened by this user`,
        "Choose a port above 1023 with --port.",
        { cause: error },
      );
    default:
      return new CommandError(
        `cannot listen on ${host} port ${port}: ${error.message}`,
        "Name an address of this machine with --host.",
        { cause: error },
      );
  }
}
