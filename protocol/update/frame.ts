import { sha256 } from "@noble/hashes/sha2.js";
import { ProtocolError } from "../errors.ts";
import type { UpdateCodec } from "./update-codec.ts";
import type { RefuseValue } from "./codec.ts";
import {
  codecOf,
  DIGESTED_HEADER_BYTES,
  FRAME_HEADER_BYTES,
  frameBytes,
  readFrameHeader,
  writeFrameHeader,
  type FrameHeader,
} from "./frame-header.ts";
import type { UniformSource } from "../random/uniform-source.ts";

export interface FrameToEncode {
  readonly codec: UpdateCodec;
  readonly sliceIndex: number;
  /** The slice's part of the update. */
  readonly values: Float32Array;
  /** Rounds int8 values; the other codecs draw nothing from it. */
  readonly random: UniformSource;
}

/** What a frame must be to be taken: the slice it was asked for, in the campaign's codec. */
export interface ExpectedFrame {
  readonly codec: UpdateCodec;
  readonly sliceIndex: number;
  readonly count: number;
  /** Magnitude above which values are refused (SPEC U8); none when left out. */
  readonly largest?: number;
}

declare const validated: unique symbol;

/** A frame that passed `validateFrame`: nothing about it needs to be doubted again. */
export interface Frame {
  readonly header: FrameHeader;
  readonly payload: DataView;
  readonly [validated]: true;
}

/**
 * Writes one slice of an update as a frame (SPEC U1).
 *
 * @throws ProtocolError `malformed-update`, naming slice and index, for a value that is not finite
 *   or that the codec cannot hold.
 *
 * @example
 * const random = uniformSource(seed, `slice ${index}`);
 * const frame = encodeFrame({ codec: "int8", sliceIndex: index, values, random });
 */
export function encodeFrame(slice: FrameToEncode): Uint8Array<ArrayBuffer> {
  const { codec, sliceIndex, values, random } = slice;
  const count = values.length;
  const frame = new Uint8Array(frameBytes(codec, count));
  const payload = new DataView(frame.buffer, FRAME_HEADER_BYTES);
  codecOf(codec).encode(values, payload, random, refuseIn(sliceIndex));
  writeFrameHeader({ codec, sliceIndex, count, payloadBytes: payload.byteLength }, frame);
  frame.set(frameDigest(frame), DIGESTED_HEADER_BYTES);
  return frame;
}

/**
 * Checks a frame whole: header, length, digest, and that every value is one an encoder writes
 * (SPEC U2–U4).
 *
 * @param expected refuses any other slice, codec or length; leave it out to take whatever comes
 * @param options.digestVerified set by a caller who checked a digest of these bytes already
 * @throws ProtocolError `malformed-update`, `length-mismatch`, `digest-mismatch` or
 *   `unsupported-version`.
 */
export function validateFrame(
  bytes: Uint8Array,
  expected?: ExpectedFrame,
  options: { readonly digestVerified?: boolean } = {},
): Frame {
  const header = readFrameHeader(bytes);
  if (expected !== undefined) checkExpected(header, expected);
  const length = frameBytes(header.codec, header.count);
  if (bytes.length !== length) {
    throw new ProtocolError(
      "length-mismatch",
      `a frame of ${header.count} ${header.codec} values has ${length} bytes, ${bytes.length} came`,
    );
  }
  if (options.digestVerified !== true) {
    const digest = frameDigest(bytes);
    if (digest.some((byte, i) => byte !== bytes[DIGESTED_HEADER_BYTES + i])) {
      throw new ProtocolError(
        "digest-mismatch",
        `the frame of slice ${header.sliceIndex} does not match its own digest: it was damaged on its way, send it again`,
      );
    }
  }
  const payload = new DataView(
    bytes.buffer,
    bytes.byteOffset + FRAME_HEADER_BYTES,
    header.payloadBytes,
  );
  const refuse = refuseIn(header.sliceIndex);
  codecOf(header.codec).check(payload, header.count, refuse, expected?.largest ?? Infinity);
  return { header, payload } as Frame;
}

/**
 * Decodes a frame after checking it whole.
 *
 * @throws ProtocolError as `validateFrame`.
 *
 * @example
 * const { header, values } = decodeFrame(bytes);
 */
export function decodeFrame(
  bytes: Uint8Array,
  expected?: ExpectedFrame,
): { readonly header: FrameHeader; readonly values: Float32Array<ArrayBuffer> } {
  const { header, payload } = validateFrame(bytes, expected);
  const values = new Float32Array(header.count);
  codecOf(header.codec).decode(payload, header.count, 0, values);
  return { header, values };
}

/**
 * Adds weight · value to the accumulator, value by value, without decoding the slice first. The
 * values are exactly those `decodeFrame` gives; products and sums are float64.
 *
 * @param accumulator one element a value of the slice
 * @throws RangeError when the lengths differ.
 *
 * @example
 * const sum = new Float64Array(slice.length);
 * for (const { bytes, weight } of updates) accumulateFrame(validateFrame(bytes), weight, sum);
 */
export function accumulateFrame(frame: Frame, weight: number, accumulator: Float64Array): void {
  const { codec, count } = frame.header;
  if (accumulator.length !== count) {
    throw new RangeError(`the frame has ${count} values, the accumulator ${accumulator.length}`);
  }
  codecOf(codec).accumulate(frame.payload, weight, accumulator);
}

/**
 * Writes a run of a frame's values, [from, from + out.length), to `out`, without decoding the rest.
 *
 * @throws RangeError when the frame has no such run.
 */
export function decodeRun(frame: Frame, from: number, out: Float32Array): void {
  const { codec, count } = frame.header;
  if (from < 0 || from + out.length > count) {
    throw new RangeError(`values ${from} to ${from + out.length} lie outside a frame of ${count}`);
  }
  codecOf(codec).decode(frame.payload, count, from, out);
}

function frameDigest(frame: Uint8Array): Uint8Array {
  return sha256
    .create()
    .update(frame.subarray(0, DIGESTED_HEADER_BYTES))
    .update(frame.subarray(FRAME_HEADER_BYTES))
    .digest();
}

function refuseIn(sliceIndex: number): RefuseValue {
  return (index, why) =>
    new ProtocolError("malformed-update", `slice ${sliceIndex}: value ${index} ${why}`, {
      slice: sliceIndex,
      index,
    });
}

function checkExpected(header: FrameHeader, expected: ExpectedFrame): void {
  const { codec, sliceIndex, count } = expected;
  if (header.sliceIndex !== sliceIndex) {
    throw new ProtocolError(
      "malformed-update",
      `the frame holds slice ${header.sliceIndex}, slice ${sliceIndex} is expected here`,
    );
  }
  if (header.codec !== codec) {
    throw new ProtocolError(
      "malformed-update",
      `slice ${sliceIndex} comes as ${header.codec}, the campaign takes it as ${codec}`,
    );
  }
  if (header.count !== count) {
    throw new ProtocolError(
      "length-mismatch",
      `slice ${sliceIndex} has ${count} values, the frame holds ${header.count}`,
    );
  }
}
