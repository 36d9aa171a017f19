import { connect } from "node:net";
import { expect, it } from "vitest";
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
