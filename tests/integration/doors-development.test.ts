import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
import type { Ending } from "../bench/doors/exchange.ts";
import { SPELLINGS } from "../bench/doors/mutations/target.ts";
import { bytesOf, type RawRequest } from "../bench/doors/raw-request.ts";
import { makeCampaign, type CampaignWorld } from "../bench/doors/world.ts";
import { ask } from "./doors/ask.ts";
import { listeningPorts } from "./doors/listening-ports.ts";
import { miniflareSurface } from "./doors/miniflare-surface.ts";
import { rawBytes } from "./doors/raw-bytes.ts";
import { startReverseProxy, type ReverseProxy } from "./doors/reverse-proxy.ts";
import {
  BEHIND_PROXY,
  startTestCoordinator,
  type TestCoordinator,
} from "./doors/test-coordinator.ts";

/** What Miniflare offers to developers is closed to everybody, by whatever spelling. */

const { headers: HEADERS, paths: PATHS } = miniflareSurface();
const HOSTS = ["localhost", "127.0.0.1", "[::1]", "LOCALHOST.", "evil.example", undefined];
/** A proxy has no use for CONNECT: it forwards none. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"];

let test: TestCoordinator;
let proxy: ReverseProxy;
let campaign: CampaignWorld;
/** Keys in the bucket, and the bytes that lie there. */
let objects: { key: string; bytes: Buffer }[];

beforeAll(async () => {
  test = await startTestCoordinator(BEHIND_PROXY);
  const { coordinator } = test;
  proxy = await startReverseProxy(coordinator.port);
  const admin = new AdminClient(coordinator.url, coordinator.adminToken);
  campaign = await makeCampaign(admin, { seed: 21, volunteers: 1 });
  const { attempt, frames, id, model, updateDigests, volunteers } = campaign;
  const place = `updates/${id}/${attempt.round}/${attempt.attempt}/${volunteers[0]!.id}`;
  objects = [
    { key: `blobs/${model.digest}`, bytes: model.bytes },
    { key: `${place}/0-${updateDigests[0]}`, bytes: frames[0]! },
  ];
});

afterAll(async () => {
  await proxy?.stop();
  await test?.end();
});

/** All the paths, those of buckets with the key of an object that is there. */
function targets(): string[] {
  const buckets = PATHS.filter((path) => path.includes("/r2/"));
  return [
    ...PATHS,
    ...objects.flatMap(({ key }) => buckets.map((path) => `${path}/scour-blobs/${key}`)),
  ];
}

function hasObject(bytes: Buffer): boolean {
  // The end of an object: its beginning may be a header that others have, too.
  return objects.some((object) => bytes.includes(object.bytes.subarray(-64)));
}

function get(target: string, headers: RawRequest["headers"]): RawRequest {
  return { method: "GET", target, headers, body: Buffer.alloc(0) };
}

/** What is wrong with an answer to somebody who asks for what is not there. */
function objectionTo(ending: Ending): string | undefined {
  if (typeof ending === "string") return ending;
  if (hasObject(ending.body)) return `${ending.status} with an object's bytes`;
  return ending.status >= 400 && ending.status < 500 ? undefined : `status ${ending.status}`;
}

it("Miniflare's entry is read: its paths and headers are known", () => {
  expect(PATHS).toContain("/cdn-cgi/local/r2/public");
  expect(PATHS.length).toBeGreaterThan(5);
  expect(HEADERS).toContain("MF-Original-URL");
  expect(HEADERS.length).toBeGreaterThan(10);
});

describe.each(["on the bare port", "behind a reverse proxy"])("%s", (place) => {
  const isBare = place === "on the bare port";
  const port = (): number => (isBare ? test.coordinator.port : proxy.port);

  it.each(Object.keys(SPELLINGS))("development routes are not there: %s", async (spelling) => {
    const objections: string[] = [];
    for (const target of targets()) {
      const spelled = SPELLINGS[spelling]!(target);
      // The proxy sends a name of its own.
      for (const host of isBare ? HOSTS : HOSTS.slice(0, 1)) {
        const headers = host === undefined ? [] : [["Host", host] as const];
        const objection = objectionTo(await ask(port(), get(spelled, headers)));
        if (objection !== undefined) objections.push(`${spelled} at ${host}: ${objection}`);
      }
    }
    expect(objections).toEqual([]);
  });

  it.each(isBare ? [...METHODS, "CONNECT"] : METHODS)(
    "development routes are not there: by %s, and for a socket",
    async (method) => {
      const objections: string[] = [];
      for (const target of targets()) {
        const host = ["Host", "localhost"] as const;
        const upgrade = [host, ["Connection", "Upgrade"], ["Upgrade", "websocket"]] as const;
        for (const headers of [[host], upgrade]) {
          const objection = objectionTo(await ask(port(), { ...get(target, headers), method }));
          if (objection !== undefined) objections.push(`${method} ${target}: ${objection}`);
        }
      }
      expect(objections).toEqual([]);
    },
  );

  it.each(HEADERS)("%s has no effect, whatever it says", async (name) => {
    const origin = `http://localhost:${test.coordinator.port}`;
    const values = [
      `${origin}/api/v1/openapi.json`,
      `${origin}/cdn-cgi/local/r2/public/scour-blobs/${objects[0]!.key}`,
      "/cdn-cgi/local/explorer",
      "x",
      "{",
      '{"clientIp":"1.2.3.4:5"}',
      "",
    ];
    const objections: string[] = [];
    for (const value of values) {
      for (const spelled of [name, name.toLowerCase(), name.toUpperCase()]) {
        const headers = [["Host", "localhost"] as const, [spelled, value] as const];
        const health = await ask(port(), get("/api/v1/health", headers));
        if (typeof health === "string" || !health.body.toString().startsWith('{"status":"ok"')) {
          objections.push(`${spelled}: ${value} at /health: ${endingText(health)}`);
        }
        const nothing = await ask(port(), get("/nothing", headers));
        if (typeof nothing === "string" || nothing.status !== 404) {
          objections.push(`${spelled}: ${value} at /nothing: ${endingText(nothing)}`);
        }
        const admin = await ask(port(), get("/api/v1/admin/campaigns", headers));
        if (typeof admin === "string" || admin.status !== 401) {
          objections.push(`${spelled}: ${value} at /admin/campaigns: ${endingText(admin)}`);
        }
      }
    }
    expect(objections).toEqual([]);
  });

  it.each(Object.entries(SMUGGLING))("no request is smuggled in: %s", async (_, write) => {
    const target = `/cdn-cgi/local/r2/public/scour-blobs/${objects[0]!.key}`;
    const hidden = bytesOf(get(target, [["Host", "localhost"]])).toString("latin1");
    const bytes = await rawBytes(port(), Buffer.from(write(hidden), "latin1"));
    expect(hasObject(bytes)).toBe(false);
    expect(bytes.toString("latin1")).not.toMatch(/HTTP\/1\.1 5\d\d/);
  });
});

it.runIf(process.platform === "linux")(
  "no other port of the coordinator gives an object",
  async () => {
    const { coordinator } = test;
    const ports = await listeningPorts(coordinator.pid);
    expect(ports.map(({ port }) => port)).toContain(coordinator.port);
    for (const { address, port } of ports) {
      // 127.0.0.1 or ::1, as the kernel writes them: nobody else's machine reaches it.
      expect(address).toMatch(/^(0100007F|0{24}01000000)$/);
      for (const { key } of objects) {
        const target = `/cdn-cgi/local/r2/public/scour-blobs/${key}`;
        const ending = await ask(port, get(target, [["Host", "localhost"]]));
        expect(typeof ending === "object" && hasObject(ending.body)).toBe(false);
      }
    }
  },
);

/** A request of two readings: to some it ends where the hidden one begins. */
const SMUGGLING: Readonly<Record<string, (hidden: string) => string>> = {
  "length over chunks": (hidden) =>
    post(
      `Content-Length: ${hidden.length + 5}\r\nTransfer-Encoding: chunked`,
      `0\r\n\r\n${hidden}`,
    ),
  "chunks that a space hides": (hidden) =>
    post(
      `Content-Length: ${hidden.length + 5}\r\nTransfer-Encoding : chunked`,
      `0\r\n\r\n${hidden}`,
    ),
  "chunks behind a bare line feed": (hidden) =>
    post(
      `Content-Length: ${hidden.length + 5}\r\nX: y\nTransfer-Encoding: chunked`,
      `0\r\n\r\n${hidden}`,
    ),
  "an unknown coding": (hidden) => post("Transfer-Encoding: xchunked", `0\r\n\r\n${hidden}`),
  "a chunk whose extension holds it": (hidden) =>
    post("Transfer-Encoding: chunked", `2;\n${hidden}\r\nxx\r\n0\r\n\r\n`),
  "trailers that hold it": (hidden) =>
    post("Transfer-Encoding: chunked", `0\r\nX: y\r\n\r\n${hidden}`),
  "a trailer that rewrites": () =>
    post(
      "Transfer-Encoding: chunked\r\nTrailer: MF-Original-URL",
      "0\r\nMF-Original-URL: http://localhost/cdn-cgi/local/explorer\r\n\r\n",
    ),
  "a length of two numbers": (hidden) => post(`Content-Length: 0, ${hidden.length}`, hidden),
  "a length with a sign": (hidden) => post(`Content-Length: +${hidden.length}`, hidden),
  "a head that an empty line splits": (hidden) => `\r\n\r\n${hidden}`,
  "a body where none is meant": (hidden) =>
    `GET /api/v1/health HTTP/1.1\r\nHost: x\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  "bytes behind a request for a socket": (hidden) =>
    `GET /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${hidden}`,
  "a change to HTTP/2": (hidden) =>
    `GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${hidden}`,
  "a header that ends the head": (hidden) =>
    `GET /api/v1/health HTTP/1.1\r\nHost: x\r\nX: y\r\r\n\r\n${hidden}`,
  "HTTP/1.0": (hidden) => `GET /api/v1/health HTTP/1.0\r\n\r\n${hidden}`,
};

function post(framing: string, body: string): string {
  return `POST /api/v1/check-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${framing}\r\n\r\n${body}`;
}

function endingText(ending: Ending): string {
  if (typeof ending === "string") return ending;
  return `${ending.status} ${ending.body.toString("latin1").slice(0, 80)}`;
}
