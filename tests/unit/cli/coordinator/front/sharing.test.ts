import { connect } from "node:net";
import { expect, it } from "vitest";
import { formatDigest } from "../../../../../protocol/content-digest.ts";
import { frontBefore, SECRETS, talk } from "./front-before.ts";

const ADMIN = `Authorization: Bearer ${SECRETS.adminToken.present}\r\n`;

it("bodies of strangers that do not end leave room for those who have a token", async () => {
  const bodyBytes = 10_000;
  const { front } = await frontBefore((_, response) => void response.end("{}"), {
    collectedBytesInAll: 8 * bodyBytes,
    collectedBytesOfStrangers: 4 * bodyBytes,
  });
  const begin = "POST /api/v1/renew HTTP/1.1\r\nHost: x\r\n";
  const unended = `${begin}Content-Length: ${bodyBytes + 1}\r\n\r\n${"a".repeat(bodyBytes)}`;
  const answers: string[] = [];
  const strangers = Array.from({ length: 12 }, () => {
    const socket = connect(front.port, "127.0.0.1", () => socket.write(unended));
    socket.setEncoding("latin1").on("data", (answer: string) => answers.push(answer));
    return socket;
  });
  await expect.poll(() => answers.length).toBeGreaterThanOrEqual(8);
  expect(answers.every((answer) => answer.startsWith("HTTP/1.1 429 "))).toBe(true);

  const body = "b".repeat(2 * bodyBytes);
  const known = `${begin}${ADMIN}Connection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  expect(await talk(front, known)).toMatch(/^HTTP\/1\.1 200 /);
  for (const socket of strangers) socket.destroy();
});

it("[A10] a named administrator whom the Worker let in is no stranger until it refuses the token", async () => {
  let isRevoked = false;
  const ada = "Bearer scour_admin_ada";
  const asked: string[] = [];
  const { front } = await frontBefore(
    ({ headers, url = "" }, response) => {
      asked.push(url);
      const isTaken = headers.authorization === ada && !isRevoked;
      response.writeHead(isTaken ? 200 : url.endsWith("/nothing") ? 404 : 401).end("{}");
    },
    { strangersPerSecondInAll: 0, strangersAtOnceInAll: 4, promptRefusals: 10 },
  );
  const status = async (authorization: string, path = "campaigns"): Promise<number> => {
    const address = `http://127.0.0.1:${front.port}/api/v1/admin/${path}`;
    return (await fetch(address, { headers: { authorization } })).status;
  };
  const stranger = "Bearer scour_admin_mallory";
  expect(await status(ada)).toBe(200);
  expect(await status(stranger, "nothing")).toBe(404);
  expect(await status(stranger)).toBe(401);
  expect(await status("Bearer other")).toBe(401);
  expect(await status(stranger)).toBe(429);
  expect(await status(ada)).toBe(200);

  // What is damaged on its way the Worker is not even asked about: the part lay in a file here.
  const before = asked.length;
  const part = await talk(
    front,
    `PUT /api/v1/admin/models/${"a".repeat(64)}/parts/0 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
      `Authorization: ${ada}\r\nContent-Digest: ${formatDigest("0".repeat(64))}\r\nContent-Length: 4\r\n\r\npart`,
  );
  expect(part).toMatch(/^HTTP\/1\.1 422 [^]*digest-mismatch/);
  expect(asked).toHaveLength(before);

  isRevoked = true;
  expect(await status(ada)).toBe(401);
  expect(await status(ada)).toBe(429);
});

it("no answer to an earlier request gets among the messages of an event socket", async () => {
  const { front } = await frontBefore(
    (_, response) => void setTimeout(() => response.end("{}"), 100),
    {},
    (socket) => {
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      );
    },
  );
  const open =
    "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
  expect(await talk(front, open, /\r\n\r\n/)).toMatch(/^HTTP\/1\.1 101 /);
  const slow = `GET /api/v1/view HTTP/1.1\r\nHost: x\r\n${ADMIN}\r\n`;
  expect(await talk(front, slow + open)).toMatch(/^HTTP\/1\.1 400 [^]*earlier requests/);
  // One that is answered at once waits for the one before it, too.
  const refused = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
  expect(await talk(front, slow + refused + open)).toMatch(/^HTTP\/1\.1 400 /);
});
