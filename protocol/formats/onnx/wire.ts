import { ProtocolError } from "../../errors.ts";
import type { ByteSource } from "../byte-source.ts";

/**
 * Protocol buffers' wire format (https://protobuf.dev/programming-guides/encoding), read by ranges: of a
 * message one learns which fields it has and where their payloads lie. What nobody asks for is stepped
 * over unread, so a file's weights stay where they are.
 */

/** How the payload of a field is stored. */
type Wire = "varint" | "fixed64" | "bytes" | "fixed32";

const WIRES: Readonly<Record<number, Wire>> = {
  0: "varint",
  1: "fixed64",
  2: "bytes",
  5: "fixed32",
};

/** One field of a message; offsets count from the start of the file. */
export interface Field {
  readonly number: number;
  readonly wire: Wire;
  /** First byte of the payload. */
  readonly begin: number;
  /** Byte after the payload. */
  readonly end: number;
  /** Of a varint: the signed 64-bit number that it is, to the nearest double; otherwise 0. */
  readonly varint: number;
}

/** Bytes that are read at once, going forward. */
const WINDOW_BYTES = 2 ** 16;

/** Fields that are looked at in one file: some five times those of the largest vision transformers. */
const MAX_FIELDS = 2 ** 18;

/** Bytes of names, attributes and small constants that are kept of one file. */
const MAX_KEPT_BYTES = 2 ** 25;

/** Numbers that are kept of one file: as objects of ours each takes more than its byte. */
const MAX_NUMBERS = 2 ** 21;

/** Longest varint: 64 bits, seven a byte. */
const MAX_VARINT_BYTES = 10;

export function malformed(detail: string): ProtocolError {
  return new ProtocolError("malformed-model", detail);
}

/** Reads fields and payloads of one file, within bounds on how many and how much. */
export class WireReader {
  readonly #source: ByteSource;
  #window: Uint8Array = new Uint8Array(0);
  #windowBegin = 0;
  #fields = 0;
  #kept = 0;
  #numbers = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get totalBytes(): number {
    return this.#source.totalBytes;
  }

  /**
   * The fields of the message in [begin, end), in the file's order.
   *
   * @param once numbers of fields that it may have once; of two, readers take the first or the last
   * @throws ProtocolError `malformed-model`, with the offset, for what is no message, a field that
   *   reaches beyond it, or one that comes twice.
   */
  async *fields(begin: number, end: number, once: readonly number[] = []): AsyncGenerator<Field> {
    const seen = new Set<number>();
    let at = begin;
    while (at < end) {
      if (++this.#fields > MAX_FIELDS) {
        throw malformed(
          `the file has more than ${MAX_FIELDS} fields: it is no model that is read here`,
        );
      }
      const head = Math.min(2 * MAX_VARINT_BYTES, end - at);
      if (!this.#holds(at, head)) await this.#load(at, head);
      const key = this.#varint(at, end);
      const wire = WIRES[key.value % 8];
      const number = Math.floor(key.value / 8);
      if (wire === undefined || number < 1 || number >= 2 ** 29) {
        throw malformed(
          `what stands at byte ${at} is no field of a protocol buffer: the file is damaged, fetch it again`,
        );
      }
      if (once.includes(number) && seen.has(number)) {
        throw malformed(
          `field ${number} at byte ${at} comes a second time, and which one counts is not said: write the file anew with onnx.save`,
        );
      }
      seen.add(number);
      let payload = key.end;
      let varint = 0;
      let next: number;
      switch (wire) {
        case "varint": {
          const read = this.#varint(payload, end);
          varint = read.value;
          next = read.end;
          break;
        }
        case "fixed64":
          next = payload + 8;
          break;
        case "fixed32":
          next = payload + 4;
          break;
        case "bytes": {
          const length = this.#varint(payload, end);
          payload = length.end;
          next = payload + length.value;
          if (length.value < 0) throw malformed(`the field at byte ${at} has a negative length`);
          break;
        }
        default:
          throw wire satisfies never;
      }
      if (next > end) {
        throw malformed(
          `the field at byte ${at} ends at byte ${next}, what it is part of at byte ${end}: the file is damaged or truncated, fetch it again`,
        );
      }
      yield { number, wire, begin: payload, end: next, varint };
      at = next;
    }
  }

  /**
   * Bytes [begin, end), a copy.
   *
   * @throws ProtocolError `malformed-model` when more is kept of the file than models have.
   */
  async bytes(begin: number, end: number): Promise<Uint8Array> {
    this.#kept += end - begin;
    if (this.#kept > MAX_KEPT_BYTES) {
      throw malformed(
        `the file's names, attributes and constants take more than ${MAX_KEPT_BYTES} bytes: it is no model that is read here`,
      );
    }
    if (!this.#holds(begin, end - begin)) await this.#load(begin, end - begin);
    const from = begin - this.#windowBegin;
    return this.#window.slice(from, from + end - begin);
  }

  /**
   * Counts numbers that are about to be kept.
   *
   * @throws ProtocolError `malformed-model` when that are more than models have.
   */
  count(numbers: number): void {
    this.#numbers += numbers;
    if (this.#numbers <= MAX_NUMBERS) return;
    throw malformed(
      `the file's attributes and constants have more than ${MAX_NUMBERS} numbers: it is no model that is read here`,
    );
  }

  #holds(at: number, count: number): boolean {
    return at >= this.#windowBegin && at + count <= this.#windowBegin + this.#window.length;
  }

  /** Reads on from `at`: `count` bytes, and no less than a window. */
  async #load(at: number, count: number): Promise<void> {
    const to = Math.min(this.#source.totalBytes, at + Math.max(WINDOW_BYTES, count));
    this.#window = await this.#source.read(at, to);
    this.#windowBegin = at;
    if (this.#window.length !== to - at) {
      throw malformed(
        `bytes ${at} to ${to} of the file were asked for, ${this.#window.length} came`,
      );
    }
  }

  /** A varint within the window. */
  #varint(at: number, end: number): { readonly value: number; readonly end: number } {
    const last = Math.min(end, at + MAX_VARINT_BYTES);
    let value = 0;
    let scale = 1;
    for (let i = at; i < last; i++) {
      const byte = this.#window[i - this.#windowBegin]!;
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) {
        return { value: i - at < 7 ? value : this.#longVarint(at, i + 1), end: i + 1 };
      }
    }
    throw malformed(
      `the number at byte ${at} does not end: the file is damaged or truncated, fetch it again`,
    );
  }

  /** Of more than 49 bits: two's complement. */
  #longVarint(at: number, end: number): number {
    let value = 0n;
    for (let i = end - 1; i >= at; i--) {
      value = (value << 7n) | BigInt(this.#window[i - this.#windowBegin]! & 127);
    }
    return Number(BigInt.asIntN(64, value));
  }
}

/** The varints that stand one behind the other in `bytes`, as signed 64-bit numbers. */
export function packedVarints(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    // Most are short.
    if (byte < 128 && shift === 0n) {
      values.push(byte);
      continue;
    }
    value |= BigInt(byte & 127) << shift;
    shift += 7n;
    if (byte < 128) {
      values.push(Number(BigInt.asIntN(64, value)));
      value = 0n;
      shift = 0n;
    } else if (shift >= 70n)
      throw malformed("a number of more than 64 bits: the file is damaged, fetch it again");
  }
  if (shift > 0n)
    throw malformed("a list of numbers breaks off: the file is damaged, fetch it again");
  return values;
}

/** The float32 values in `bytes`, little-endian. */
export function packedFloats(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) =>
    view.getFloat32(4 * i, true),
  );
}
