import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import {
  startCoordinator,
  type Coordinator,
} from "../../client/cli/coordinator/start-coordinator.ts";
import { CoordinatorClient } from "../../client/participant/wire/coordinator-client.ts";
import { parseInviteUrl } from "../../client/participant/wire/invite-url.ts";
import { makeSigningKey } from "../../client/participant/wire/signing-key.ts";
import { systemClock } from "../../client/participant/ports.ts";
import { BEARER_SUBPROTOCOL_PREFIX, EVENT_SUBPROTOCOL } from "../../protocol/round/events.ts";
import { expectProblem, rawRequest, sendRaw, type RawAnswer } from "./raw-http.ts";
import { contentDigest, digestOf, noise } from "./text-bytes.ts";

const PROXY = "X-Forwarded-For";
const PUBLIC_URL = "https://scour.example.org";
const MIB = 2 ** 20;
const TEACHER = fileURLToPath(new URL("../../client/demo/teacher.safetensors", import.meta.url));

let coordinator: Coordinator;
let port = 0;
let admin = "";
const log: string[] = [];

beforeAll(async () => {
  coordinator = await startCoordinator({
    report: (line) => log.push(line),
    publicUrl: PUBLIC_URL,
    // This machine is a proxy here, so that a test can come from any address.
    trustedProxies: ["127.0.0.1"],
    limits: { bodyWindowMs: 1500, bodyWindowBytes: 1000, headersMs: 10_000, drainMs: 500 },
  });
  port = Number(new URL(coordinator.url).port);
  admin = `Authorization: Bearer ${coordinator.adminToken}`;
});
afterAll(() => coordinator.stop());

/** Each test comes from an address of its own unless it names one. */
let visitors = 0;
function ask(
  line: string,
  headers: readonly string[] = [],
  body = "",
  from = `198.51.100.${++visitors % 250}`,
): Promise<RawAnswer> {
  return sendRaw({ port, pieces: rawRequest(line, [`${PROXY}: ${from}`, ...headers], body) });
}

function json(line: string, body: string): Promise<RawAnswer> {
  const length = `Content-Length: ${body.length}`;
  return ask(line, [admin, "Content-Type: application/json", length], body);
}

/** Files of the state folder but databases, by name and size. */
function storedFiles(): string[] {
  return readdirSync(coordinator.stateDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.sqlite/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found === undefined ? [] : [`${found.size} ${path}`];
    });
}

/** The request for one part of a model. */
function partOf(digest: string, index: number, bytes: string): readonly string[] {
  const headers = [admin, contentDigest(bytes), `Content-Length: ${bytes.length}`];
  return rawRequest(`PUT /api/v1/admin/models/${digest}/parts/${index}`, headers, bytes);
}

async function begin(digest: string, bytes: number): Promise<void> {
  const answer = await json(
    `POST /api/v1/admin/models/${digest}`,
    JSON.stringify({ bytes, partBytes: 20 * MIB }),
  );
  expect(answer.status).toBe(200);
}

function complete(digest: string): Promise<RawAnswer> {
  return ask(`POST /api/v1/admin/models/${digest}/complete`, [admin, "Content-Length: 0"]);
}

/** Uploads a model of any bytes. */
async function upload(bytes: string): Promise<string> {
  const digest = digestOf(bytes);
  await begin(digest, bytes.length);
  for (let index = 0; index * 20 * MIB < bytes.length; index++) {
    const part = bytes.slice(index * 20 * MIB, (index + 1) * 20 * MIB);
    expect((await sendRaw({ port, pieces: partOf(digest, index, part) })).status).toBe(201);
  }
  expect((await complete(digest)).status).toBe(200);
  return digest;
}

describe("what is passed on", () => {
  it("is the API", async () => {
    expect((await ask("GET /api/v1/health")).status).toBe(200);
    expect((await ask("GET /api/v1/admin/campaigns", [admin])).status).toBe(200);
    expectProblem(await ask("GET /api/v1/admin/campaigns"), 401, "unauthenticated");
    expectProblem(await ask("GET /api/v1/admin/nothing", [admin]), 404, "not-found");
  });

  it("is no development route of the runtime's, in no spelling", async () => {
    const digest = await upload(noise(1000));
    const route = `/cdn-cgi/local/r2/public/scour-blobs/blobs/${digest}`;
    for (const target of [
      route,
      route.toUpperCase(),
      route.replace("cdn", "%63dn"),
      `/.${route}`,
      `/api/v1/..${route.slice(7)}`,
      `/api/v1/../..${route}`,
      `/api/v1/%2e%2e/%2e%2e${route}`,
      `//localhost${route}`,
      `http://localhost${route}`,
      `http://localhost:${port}${route}`,
      "/cdn-cgi/local/explorer",
      "/cdn-cgi/local/platform-proxy",
      "/__cf_local/stream/x",
    ]) {
      expectProblem(await ask(`GET ${target}`, [admin]), 404, "not-found");
    }
  });

  it("is no header that the runtime obeys", async () => {
    const plain = await ask("GET /api/v1/admin/campaigns", [admin]);
    for (const header of [
      "MF-Original-URL: x",
      "MF-Original-URL: http://localhost/cdn-cgi/local/explorer",
      "MF-CF-Blob: {",
      "MF-Route-Override: scour",
      "MF-Proxy-Shared-Secret: x",
      "MF-Op: GET",
      "MF-Disable-Pretty-Error: 1",
      "MF-Access-Blob: {}",
      "MF-Loopback-Secret: x",
      "CF-Connecting-IP: 1.2.3.4",
      "Upgrade: h2c",
    ]) {
      const answer = await ask("GET /api/v1/admin/campaigns", [admin, header]);
      expect(answer).toMatchObject({ status: 200, body: plain.body });
    }
    const rewritten = await ask("GET /", [
      `MF-Original-URL: http://localhost/api/v1/admin/campaigns`,
    ]);
    expect(rewritten.status).toBe(404);
  });

  it("opens a web socket only where there is one", async () => {
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ];
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await ask(`${method} /api/v1/events`, upgrade);
      expect(answer.status).toBe(400);
    }
    for (const method of ["OPTIONS", "TRACE", "PROPFIND"]) {
      expectProblem(await ask(`${method} /api/v1/events`, upgrade), 405, "method-not-allowed");
    }
    expectProblem(await ask("GET /api/v1/health", upgrade), 400, "malformed-request");
    expectProblem(await ask("GET /api/v1/events", upgrade), 401, "unauthenticated");
    expectProblem(await ask("GET /api/v1/events", upgrade.slice(0, 3)), 400, "malformed-request");
  });
});

describe("what is no request", () => {
  it.each([
    ["two codings", ["Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"],
    ["two lengths in one", ["Content-Length: 2, 3"], "{}"],
    ["a negative length", ["Content-Length: -5"], "{}"],
    ["a length twice", ["Content-Length: 2", "Content-Length: 2"], "{}"],
    ["a length and chunks", ["Content-Length: 2", "Transfer-Encoding: chunked"], "0\r\n\r\n"],
    ["a length beyond numbers", ["Content-Length: 99999999999999999999"], "{}"],
    ["a chunk beyond numbers", ["Transfer-Encoding: chunked"], "FFFFFFFFFFFFFFFFF\r\n{}"],
    ["a chunk without a size", ["Transfer-Encoding: chunked"], "{}\r\n"],
    ["a second Host", ["Host: elsewhere"], ""],
    ["a header without a name", [": x"], ""],
    ["a folded header", ["X: a", " b"], ""],
  ])("[P9] %s is 400", async (_what, headers, body) => {
    const type = "Content-Type: application/json";
    expectProblem(
      await ask("POST /api/v1/enrol", [type, ...headers], body),
      400,
      "malformed-request",
    );
  });

  it.each([
    ["an address as Host", "GET /api/v1/health HTTP/1.1\r\nHost: http://evil/\r\n\r\n", 400],
    ["no Host", "GET /api/v1/health HTTP/1.1\r\n\r\n", 400],
    ["HTTP/0.9", "GET /api/v1/health\r\n\r\n", 400],
    ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
    ["TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
    ["an unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", 400],
    ["M-SEARCH", "M-SEARCH /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405],
    ["a long header", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    ["many headers", `GET / HTTP/1.1\r\nHost: a\r\n${"X: x\r\n".repeat(200)}\r\n`, 431],
    ["a long body that is none", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n", 400],
  ])("[P9] %s", async (_what, text, status) => {
    const answer = await sendRaw({ port, pieces: [text] });
    expect(answer).toMatchObject({
      status,
      headers: { "content-type": "application/problem+json" },
    });
  });

  it("[P3] bodies that are too long are refused before they are read", async () => {
    const answer = await json("POST /api/v1/admin/campaigns", " ".repeat(65_537));
    expectProblem(answer, 413, "payload-too-large");
    const chunks = `10001\r\n${" ".repeat(0x10001)}\r\n0\r\n\r\n`;
    const headers = [admin, "Content-Type: application/json", "Transfer-Encoding: chunked"];
    expectProblem(
      await ask("POST /api/v1/admin/campaigns", headers, chunks),
      413,
      "payload-too-large",
    );
  });

  it("[P5] a part in chunks is 411", async () => {
    const headers = [admin, "Transfer-Encoding: chunked"];
    const answer = await ask(
      `PUT /api/v1/admin/models/${"a".repeat(64)}/parts/0`,
      headers,
      "1\r\na\r\n0\r\n\r\n",
    );
    expectProblem(answer, 411, "length-required");
  });
});

// Beside each other: they wait for what does not come.
describe.concurrent("time", () => {
  it.each([
    ["POST /api/v1/admin/campaigns", "Content-Type: application/json"],
    [`PUT /api/v1/admin/models/${"a".repeat(64)}/parts/0`, contentDigest("")],
  ])("[P9] half a body is 408 after a silence, and closed: %s", async (line, type) => {
    const half = rawRequest(line, [admin, type, "Content-Length: 50000"], "x".repeat(5000));
    const answer = await sendRaw({ port, pieces: half });
    expectProblem(answer, 408, "request-timeout");
    expect(answer.closed).toBe(true);
  });

  it("a body that comes slowly but steadily is taken", async () => {
    const bytes = noise(8000);
    await begin(digestOf(bytes), bytes.length);
    const [head = ""] = rawRequest(`PUT /api/v1/admin/models/${digestOf(bytes)}/parts/0`, [
      admin,
      contentDigest(bytes),
      "Content-Length: 8000",
    ]);
    const pieces = Array.from({ length: 8 }, (_, i) => [
      bytes.slice(1000 * i, 1000 * (i + 1)),
      250,
    ]);
    const answer = await sendRaw({ port, pieces: [head, ...pieces.flat()] });
    expect(answer.status).toBe(201);
  });

  it("[P9] half a header is 408, and closed", async () => {
    const answer = await sendRaw({ port, pieces: ["GET /api/v1/health HTTP/1.1\r\nHost: a\r\n"] });
    expectProblem(answer, 408, "request-timeout");
    expect(answer.closed).toBe(true);
  });
});

describe("uploads", () => {
  it("[P5] leave nothing on disk when they are refused or broken off, small or large", async () => {
    for (const length of [100_000, 20 * MIB]) {
      const bytes = noise(length);
      const digest = digestOf(bytes);
      await begin(digest, length);
      const before = storedFiles();
      const [right = ""] = partOf(digest, 0, bytes);
      const wrong = [`${right.slice(0, -1)}${right.endsWith("x") ? "y" : "x"}`];
      expectProblem(await sendRaw({ port, pieces: wrong }), 422, "digest-mismatch");
      await expect.poll(storedFiles).toEqual(before);

      await sendRaw({ port, pieces: [right.slice(0, -1000)], hangUp: true });
      await expect.poll(storedFiles).toEqual(before);
      expect(log.join("\n")).not.toMatch(/^\s+at |Error:/m);

      expect((await sendRaw({ port, pieces: [right] })).status).toBe(201);
      expect((await complete(digest)).status).toBe(200);
      // What was broken off may still be on its way to disk, and from there.
      const sizes = (): number[] =>
        storedFiles()
          .filter((file) => !before.includes(file))
          .map((file) => Number.parseInt(file, 10));
      // Its bytes once, and where they lie.
      await expect.poll(() => sizes().filter((size) => size >= 1000)).toEqual([length]);
    }
  });

  it("[P4] [P5] come back as they were, through several parts", async () => {
    const bytes = noise(20 * MIB + 17);
    const digest = await upload(bytes);
    const blob = await ask(`GET /api/v1/blobs/${digest}`, [admin]);
    expect(digestOf(blob.body)).toBe(digest);
    const range = await ask(`GET /api/v1/blobs/${digest}`, [
      admin,
      `Range: bytes=${20 * MIB - 8}-${20 * MIB + 7}`,
    ]);
    expect(range).toMatchObject({
      status: 206,
      body: bytes.slice(20 * MIB - 8, 20 * MIB + 8),
    });
  });
});

describe("who asks", () => {
  it("is told in the log when refused, without the token, and never delays the right one", async () => {
    const from = "203.0.113.77";
    const guess = (): Promise<RawAnswer> =>
      ask("GET /api/v1/admin/campaigns", ["Authorization: Bearer gu\x1besss"], "", from);
    const guesses = Array.from({ length: 40 }, guess);
    // While dozens of wrong ones from the same address wait, right ones are answered, all of them.
    for (let i = 0; i < 20; i++) {
      expect((await ask("GET /api/v1/admin/campaigns", [admin], "", from)).status).toBe(200);
    }
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.every((status) => status === 401 || status === 400)).toBe(true);
    const wrong = Array.from({ length: 120 }, () =>
      ask("GET /api/v1/admin/campaigns", ["Authorization: Bearer guess"], "", from),
    );
    const answers = await Promise.all(wrong);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
    const refused = answers.find(({ status }) => status === 429)!;
    expectProblem(refused, 429, "too-many-requests");
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await ask("GET /api/v1/admin/campaigns", [admin], "", from)).status).toBe(200);
    // Another address behind the same proxy is nobody's neighbour.
    expect((await ask("GET /api/v1/admin/campaigns", [], "", "203.0.113.78")).status).toBe(401);
    const lines = log.filter((line) => line.includes(from));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("")).not.toContain("guess");
  });

  it("does not reach the Worker to ask how it is", async () => {
    const answers = await Promise.all(
      Array.from({ length: 400 }, () => ask("GET /api/v1/health", [], "", "203.0.113.79")),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it("gets links to the public address and the event socket, whatever Host says", async () => {
    const client = new AdminClient(coordinator.url, coordinator.adminToken);
    const file = await readFile(TEACHER);
    const model = createHash("sha256").update(file).digest("hex");
    await client.uploadModel({ body: new Blob([file]), digest: model });
    const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
    const { id } = await client.createCampaign({ model, preprocessing });
    const made = await sendRaw({
      port,
      pieces: [
        `POST /api/v1/admin/campaigns/${id}/invites HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n${admin}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
      ],
    });
    expect(made.status).toBe(201);
    const { url } = JSON.parse(made.body) as { url: string };
    expect(url.startsWith(`${PUBLIC_URL}/join/${id}#`)).toBe(true);

    const key = await makeSigningKey(false);
    const { credential } = await new CoordinatorClient({
      origin: coordinator.url,
      token: parseInviteUrl(url).token,
      fetch,
      clock: systemClock,
    }).enrol({ publicKey: key.publicKey }, new AbortController().signal);
    const socket = new WebSocket(`${coordinator.url.replace("http", "ws")}/api/v1/events`, [
      EVENT_SUBPROTOCOL,
      BEARER_SUBPROTOCOL_PREFIX + credential,
    ]);
    const said = await new Promise((resolve, reject) => {
      socket.addEventListener("open", () => socket.send("ping"));
      socket.addEventListener("message", ({ data }) => resolve(data));
      socket.addEventListener("close", reject);
      socket.addEventListener("error", reject);
    });
    expect(said).toBe("pong");
    expect(socket.protocol).toBe(EVENT_SUBPROTOCOL);
    socket.close();
  });
});
