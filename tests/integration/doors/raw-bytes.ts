import { createConnection } from "node:net";
import { BOUNDS_MS } from "../../patience.ts";

/** Sends bytes, closes its own side, and gives back all that comes until the other side closes. */
export async function rawBytes(port: number, sent: Buffer): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  const socket = createConnection({ host: "127.0.0.1", port });
  const giveUp = setTimeout(
    () => reject(new Error("the connection is still open")),
    BOUNDS_MS.integration.wait,
  );
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  // A reset ends it, too; what came before counts.
  socket.on("error", () => {});
  socket.on("close", () => resolve(Buffer.concat(chunks)));
  socket.end(sent);
  return await promise.finally(() => {
    clearTimeout(giveUp);
    socket.destroy();
  });
}
