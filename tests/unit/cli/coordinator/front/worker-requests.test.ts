import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { WorkerRequests } from "../../../../../client/cli/coordinator/front/worker-requests.ts";
import { BOUNDS_MS } from "../../../../patience.ts";
import { temporaryDirectory } from "../../temporary-directory.ts";

/** How long a slow answer takes. */
const SLOW_MS = 600;

let server: Server | undefined;
let worker: WorkerRequests | undefined;

afterEach(() => {
  worker?.close();
  server?.close();
});

/** A Worker that counts its connections, which are kept so long; `/slow` is answered late. */
async function start(
  idleMs: number,
): Promise<{ connections(): number; ask(path: string): Promise<number> }> {
  let connections = 0;
  server = createServer((request, response) => {
    setTimeout(() => response.end("."), request.url === "/slow" ? SLOW_MS : 0);
  });
  server.on("connection", () => connections++);
  const path = join(await temporaryDirectory(), "socket");
  await new Promise<void>((resolve) => server!.listen(path, resolve));
  worker = new WorkerRequests(path, idleMs);
  return {
    connections: () => connections,
    ask: (target) =>
      new Promise((resolve, reject) => {
        worker!.ask(
          { method: "GET", path: target, headers: {}, body: "none" },
          {
            answered: (answer) => {
              answer.resume().once("close", () => setImmediate(resolve, answer.statusCode!));
            },
            failed: reject,
          },
        );
      }),
  };
}

it("connections to the Worker are used again after quick answers", async () => {
  // Longer than a busy machine takes.
  const { ask, connections } = await start(BOUNDS_MS.unit.wait);
  for (let i = 0; i < 3; i++) expect(await ask("/quick")).toBe(200);
  expect(connections()).toBeLessThan(3);
});

it("a connection on which an answer took long is not: the Worker may be closing it", async () => {
  const { ask, connections } = await start(SLOW_MS / 2);
  expect(await ask("/slow")).toBe(200);
  expect(await ask("/quick")).toBe(200);
  expect(connections()).toBe(2);
});
