import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { trustedProxies } from "../../../../../client/cli/coordinator/front/caller-address.ts";
import { openFront, type Front } from "../../../../../client/cli/coordinator/front/front.ts";
import {
  FRONT_LIMITS,
  type FrontLimits,
} from "../../../../../client/cli/coordinator/front/limits.ts";

const SECRETS = {
  adminToken: { present: "admin-token-of-the-tests", previous: undefined },
  signingKey: { present: "signing-key-of-the-tests-32-bytes-long", previous: undefined },
};

const folder = mkdtempSync(join(tmpdir(), "front-"));
const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A front before a Worker that answers so; without one, before none. */
async function frontBefore(
  answer: RequestListener | undefined,
  limits: Partial<FrontLimits> = {},
): Promise<{ front: Front; spool: string; log: string[] }> {
  const base = mkdtempSync(join(folder, "f-"));
  const workerSocket = join(base, "w");
  const log: string[] = [];
  if (answer !== undefined) {
    const worker: Server = createServer(answer);
    worker.on("upgrade", (_, socket) => {
      socket.end("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    });
    await new Promise<void>((resolve) => worker.listen(workerSocket, resolve));
    ends.push(() => {
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
  ends.push(() => front.close());
  return { front, spool, log };
}

/** Sends this, and gives what came until the connection closed or so long had passed. */
function talk({ port }: Front, text: string, ms = 500): Promise<string> {
  return new Promise((resolve) => {
    let came = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text, "latin1"));
    const done = (): void => {
      socket.destroy();
      resolve(came);
    };
    const timer = setTimeout(done, ms);
    socket.setEncoding("latin1").on("data", (chunk: string) => (came += chunk));
    socket.on("error", done).on("close", () => {
      clearTimeout(timer);
      done();
    });
  });
}

describe("a Worker that does not answer", () => {
  it("keeps nobody waiting for ever, and is asked again", async () => {
    let asked = 0;
    const answers: RequestListener = (_, response) => {
      asked++;
      if (asked > 1) response.end("{}");
    };
    const { front } = await frontBefore(answers, { publicAnswerMs: 50 });
    const url = `http://127.0.0.1:${front.port}/api/v1/health`;
    expect((await fetch(url)).status).toBe(503);
    await fetch(url);
    expect(asked).toBe(2);
  });
});

describe("a Worker that dies while it answers", () => {
  it("is a 503 for what is the same for everybody, and ends nobody else", async () => {
    const { front } = await frontBefore((_, response) => {
      response.writeHead(200, { "Content-Length": 100 });
      response.write("half");
      setTimeout(() => response.destroy(), 20);
    });
    const request = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    expect(await talk(front, request)).toMatch(/^HTTP\/1\.1 503 [^]*urn:scour:problem:unavailable/);
    expect(await talk(front, request)).toMatch(/^HTTP\/1\.1 503 /);
  });

  it("or is down leaves nothing of a model behind", async () => {
    const { front, spool } = await frontBefore(undefined);
    const body = "m".repeat(100_000);
    const digest = createHash("sha256").update(body).digest("hex");
    const request =
      `PUT /api/v1/admin/models/${digest} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
      `Authorization: Bearer ${SECRETS.adminToken.present}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    expect(await talk(front, request)).toMatch(/^HTTP\/1\.1 503 /);
    await expect.poll(() => readdirSync(spool)).toEqual([]);
    await expect.poll(() => openFilesBelow(spool)).toEqual([]);
  });
});

/** A token that this coordinator has given out, whatever it opens. */
function knownToken(): string {
  const signed = "eyJhbGciOiJIUzI1NiJ9.e30";
  const key = SECRETS.signingKey.present;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

describe("refused logins", () => {
  it("by the event socket are noted, whatever other token stands beside the one that is tried", async () => {
    const { front, log } = await frontBefore(() => {});
    const answer = await talk(
      front,
      "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
        `Authorization: Bearer ${knownToken()}\r\nSec-WebSocket-Protocol: scour.v1, scour.bearer.guess\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(log).toEqual(["Refused login from 127.0.0.1: GET /api/v1/events"]);
  });
});

/** Files of a folder that this process holds open, deleted ones included; none where that is not told. */
function openFilesBelow(path: string): string[] {
  try {
    return readdirSync("/proc/self/fd").flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)].filter((target) => target.startsWith(path));
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
