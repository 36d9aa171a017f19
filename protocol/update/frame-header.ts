import { ProtocolError } from "../errors.ts";
import type { Codec } from "./codec.ts";
import { f16Codec } from "./codec-f16.ts";
import { f32Codec } from "./codec-f32.ts";
import { int8Codec } from "./codec-int8.ts";
import type { UpdateCodec } from "./update-codec.ts";

const FRAME_VERSION = 1;

/** Length of the header; the payload follows at a multiple of 8 bytes. */
export const FRAME_HEADER_BYTES = 64;

/** Bytes of the header that the digest covers, together with the payload: all before it. */
export const DIGESTED_HEADER_BYTES = 32;

/** `SCUF`, for Scour update frame. */
const MAGIC = [0x53, 0x43, 0x55, 0x46] as const;

const CODECS: Readonly<Record<UpdateCodec, Codec>> = {
  f32: f32Codec,
  f16: f16Codec,
  int8: int8Codec,
};

export interface FrameHeader {
  readonly codec: UpdateCodec;
  readonly sliceIndex: number;
  /** Number of values in the slice. */
  readonly count: number;
  readonly payloadBytes: number;
}

export function codecOf(name: UpdateCodec): Codec {
  return CODECS[name];
}

/**
 * Exact length of a frame in bytes, header included (SPEC U2).
 *
 * @example
 * frameBytes("int8", 524288); // 532544
 */
export function frameBytes(codec: UpdateCodec, count: number): number {
  return FRAME_HEADER_BYTES + CODECS[codec].payloadBytes(count);
}

/**
 * Writes all of a header but its digest:
 *
 *     0  magic "SCUF"          8  slice index, u32     20  zeros
 *     4  version, u8          12  value count, u32     32  SHA-256 of bytes 0–31 and the payload
 *     5  codec, u8            16  payload length, u32
 *     6  log₂ block size, u8
 *     7  zero
 */
export function writeFrameHeader(header: FrameHeader, frame: Uint8Array): void {
  const view = new DataView(frame.buffer, frame.byteOffset, FRAME_HEADER_BYTES);
  const codec = CODECS[header.codec];
  frame.set(MAGIC);
  frame[4] = FRAME_VERSION;
  frame[5] = codec.id;
  frame[6] = codec.blockSizeLog2;
  view.setUint32(8, header.sliceIndex, true);
  view.setUint32(12, header.count, true);
  view.setUint32(16, header.payloadBytes, true);
}

/**
 * Reads a header strictly; neither digest nor payload is looked at (SPEC U3).
 *
 * @param bytes at least the first 64 bytes of a frame
 * @throws ProtocolError `malformed-update`; `unsupported-version` for a later frame version.
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.length < FRAME_HEADER_BYTES) {
    throw malformed(
      `the frame is truncated: its header has ${FRAME_HEADER_BYTES} bytes, only ${bytes.length} came`,
    );
  }
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw malformed("it does not start with 'SCUF': this is not an update frame");
  }
  if (bytes[4] !== FRAME_VERSION) {
    throw new ProtocolError(
      "unsupported-version",
      `frame version ${bytes[4]} is not spoken here, only version ${FRAME_VERSION}`,
    );
  }
  const found = Object.entries(CODECS).find(([, codec]) => codec.id === bytes[5]);
  if (found === undefined) throw malformed(`codec ${bytes[5]} is not known`);
  const [name, codec] = found as [UpdateCodec, Codec];
  if (bytes[6] !== codec.blockSizeLog2) {
    throw malformed(`${name} has blocks of 2^${codec.blockSizeLog2} values, not 2^${bytes[6]}`);
  }
  if (bytes[7] !== 0 || bytes.subarray(20, DIGESTED_HEADER_BYTES).some((byte) => byte !== 0)) {
    throw malformed("reserved bytes of its header are not zero");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, FRAME_HEADER_BYTES);
  const sliceIndex = view.getUint32(8, true);
  const count = view.getUint32(12, true);
  const payloadBytes = view.getUint32(16, true);
  if (payloadBytes !== codec.payloadBytes(count)) {
    throw malformed(
      `${count} values take ${codec.payloadBytes(count)} bytes as ${name}, its header says ${payloadBytes}`,
    );
  }
  return { codec: name, sliceIndex, count, payloadBytes };
}

function malformed(detail: string): ProtocolError {
  return new ProtocolError("malformed-update", detail);
}
