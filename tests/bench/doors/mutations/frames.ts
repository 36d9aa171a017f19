import { createHash } from "node:crypto";
import {
  DIGESTED_HEADER_BYTES,
  FRAME_HEADER_BYTES,
} from "../../../../protocol/update/frame-header.ts";
import type { Random } from "../random.ts";

const FLOATS = [NaN, Infinity, -Infinity, 3.4e38, -3.4e38, 1e30, -1e6, 1e-42, -0, 1e4];

/** An update's frame changed, most of the time with its own digest made right again (SPEC U1). */
export function mutatedFrame(frame: Buffer, random: Random): Buffer {
  const changed = changedFrame(Buffer.from(frame), random);
  if (changed.length < FRAME_HEADER_BYTES || random.chance(0.15)) return changed;
  const digest = createHash("sha256")
    .update(changed.subarray(0, DIGESTED_HEADER_BYTES))
    .update(changed.subarray(FRAME_HEADER_BYTES))
    .digest();
  digest.copy(changed, DIGESTED_HEADER_BYTES);
  return changed;
}

function changedFrame(frame: Buffer, random: Random): Buffer {
  const payload = frame.length - FRAME_HEADER_BYTES;
  switch (
    random.weighted({ float: 6, word: 4, byte: 4, shorter: 2, longer: 2, none: 1, empty: 1 })
  ) {
    case "float": {
      const at = FRAME_HEADER_BYTES + 4 * random.int(payload / 4);
      frame.writeFloatLE(random.pick(FLOATS), at);
      return frame;
    }
    case "word":
      // Version, codec, index, count, length.
      frame.writeUInt32LE(
        random.pick([0, 1, 2, 7, 0xffff_ffff, 0x8000_0000, 2 ** 20, random.word()]),
        4 * random.int(DIGESTED_HEADER_BYTES / 4),
      );
      return frame;
    case "byte":
      frame[random.int(DIGESTED_HEADER_BYTES)] = random.int(256);
      return frame;
    case "shorter":
      return frame.subarray(0, random.int(frame.length));
    case "longer":
      return Buffer.concat([frame, random.bytes(random.pick([1, 4, 64, 5000]))]);
    case "none":
      return frame;
    case "empty":
      return Buffer.alloc(random.pick([0, 1, 63, 64]));
  }
}
