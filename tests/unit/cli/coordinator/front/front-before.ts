import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { trustedProxies } from "../../../../../client/cli/coordinator/front/caller-address.ts";
import { openFront, type Front } from "../../../../../client/cli/coordinator/front/front.ts";
import {
  FRONT_LIMITS,
  type FrontLimits,
} from "../../../../../client/cli/coordinator/front/limits.ts";

export const SECRETS = {
  adminToken: { present: "admin-token-of-the-tests", previous: undefined },
  signingKey: { present: "signing-key-of-the-tests-32-bytes-long", previous: undefined },
};

function refuseSocket(socket: Duplex): void {
  socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

/** A front before a Worker that answers so; without one, before none. They end with the test. */
export async function frontBefore(
  answer: RequestListener | undefined,
  limits: Partial<FrontLimits> = {},
  upgrade = refuseSocket,
): Promise<{ front: Front; spool: string; log: string[] }> {
  const base = mkdtempSync(join(tmpdir(), "front-"));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const workerSocket = join(base, "w");
  const log: string[] = [];
  if (answer !== undefined) {
    const worker: Server = createServer(answer);
    worker.on("upgrade", (_, socket) => upgrade(socket));
    await new Promise<void>((resolve) => worker.listen(workerSocket, resolve));
    onTestFinished(() => {
      worker.closeAllConnections();
      worker.close();
    });
  }
  const spool = mkdtempSync(join(base, "s"));
  const front = await openFront({
    host: "127.0.0.1",
    port: 0,
    workerSocket,
    spool,
    secrets: SECRETS,
    proxies: trustedProxies([]),
    limits: { ...FRONT_LIMITS, ...limits },
    report: (line) => log.push(line),
  });
  onTestFinished(() => front.close());
  return { front, spool, log };
}

/** Sends this, and gives what came until the connection closed, or was enough. */
export function talk({ port }: Front, text: string, enough?: RegExp): Promise<string> {
  return new Promise((resolve) => {
    let came = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      came += chunk;
      if (enough?.test(came) === true) socket.destroy();
    });
    socket.on("error", () => socket.destroy()).on("close", () => resolve(came));
  });
}
