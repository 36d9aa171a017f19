import { createHash, createHmac } from "node:crypto";
import { readdirSync, readlinkSync, rmSync } from "node:fs";
import type { RequestListener } from "node:http";
import { describe, expect, it } from "vitest";
import { formatDigest } from "../../../../../protocol/content-digest.ts";
import { frontBefore, SECRETS, talk } from "./front-before.ts";

describe("a Worker that does not answer", () => {
  it("keeps nobody waiting for ever, and is asked again", async () => {
    let isSilent = true;
    const answers: RequestListener = (_, response) => {
      if (!isSilent) response.end("{}");
    };
    const { front } = await frontBefore(answers, { publicAnswerMs: 50 });
    const status = async (): Promise<number> =>
      (await fetch(`http://127.0.0.1:${front.port}/api/v1/health`)).status;
    expect(await status()).toBe(503);
    isSilent = false;
    // A busy machine may take longer than that again.
    await expect.poll(status).toBe(200);
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

  it("or is down leaves nothing of a part behind", async () => {
    const { front, spool } = await frontBefore(undefined);
    expect(await talk(front, partRequest())).toMatch(/^HTTP\/1\.1 503 /);
    await expect.poll(() => readdirSync(spool)).toEqual([]);
    await expect.poll(() => openFilesBelow(spool)).toEqual([]);
  });

  it("and is not asked for a part whose bytes could not be kept, the last ones neither", async () => {
    const asked: (string | undefined)[] = [];
    const { front, spool } = await frontBefore(({ url }, response) => {
      asked.push(url);
      response.writeHead(201).end();
    });
    rmSync(spool, { recursive: true });
    expect(await talk(front, partRequest())).toMatch(
      /^HTTP\/1\.1 503 [^]*the upload cannot be kept on disk \(ENOENT\)/,
    );
    expect(asked).toEqual([]);
  });
});

/** A part of a model, as the administrator sends it. */
function partRequest(): string {
  const body = "m".repeat(100_000);
  const digest = createHash("sha256").update(body).digest("hex");
  return (
    `PUT /api/v1/admin/models/${digest}/parts/0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
    `Authorization: Bearer ${SECRETS.adminToken.present}\r\nContent-Digest: ${formatDigest(digest)}\r\n` +
    `Content-Length: ${body.length}\r\n\r\n${body}`
  );
}

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
