import type { Random } from "../random.ts";

const TEXTS = [
  "ping",
  "",
  "pong",
  "{",
  "null",
  "[]",
  '{"type":"progress","round":0,"step":1,"localSteps":2,"loss":1,"imagesPerSecond":1}',
  '{"type":"progress","round":1e308,"step":-1,"localSteps":0.5,"loss":1e39,"imagesPerSecond":0}',
  '{"type":"progress","round":0,"step":1,"localSteps":2,"loss":null,"imagesPerSecond":1e999}',
  '{"type":"__proto__","__proto__":{"type":"progress"}}',
  "[".repeat(30_000),
  "\ud800".repeat(10),
  `"${"x".repeat(300_000)}"`,
];

/** Frames for a socket, in order and not (RFC 6455, section 5), a closing one last. */
export function socketFrames(random: Random): Buffer {
  const frames = Array.from({ length: 1 + random.int(6) }, () => oddFrame(random));
  return Buffer.concat([...frames, frame(8, Buffer.from([0x03, 0xe8]))]);
}

function oddFrame(random: Random): Buffer {
  const text = Buffer.from(random.pick(TEXTS));
  switch (
    random.weighted({
      text: 6,
      binary: 1,
      utf8: 1,
      bare: 1,
      reserved: 1,
      control: 1,
      size: 1,
      part: 1,
    })
  ) {
    case "text":
      return frame(1, text);
    case "binary":
      return frame(2, random.bytes(100));
    case "utf8":
      return frame(1, Buffer.from([0xff, 0xc0, 0x80]));
    case "bare":
      // Clients mask what they send; this one does not.
      return Buffer.from([0x81, 0x01, 0x78]);
    case "reserved":
      return frame(
        random.pick([3, 7, 11, 15]),
        text.subarray(0, 100),
        random.pick([0xf0, 0xc0, 0x80]),
      );
    case "control":
      return frame(random.pick([8, 9, 10]), random.bytes(random.pick([1, 125, 126, 5000])));
    case "size":
      return Buffer.concat([Buffer.from([0x81, 0xff]), random.bytes(12)]);
    case "part":
      return frame(random.pick([0, 1]), text, 0);
  }
}

/** One frame, masked with zeros. */
function frame(opcode: number, payload: Buffer, flags = 0x80): Buffer {
  const length = payload.length;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = flags | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
