import { crc32 } from "../../../protocol/formats/zip/crc32.ts";
import { latin1 } from "../signs.ts";

/** Bytes before the first chunk. */
const SIGNATURE_BYTES = 8;

/** Length, type and checksum of a chunk. */
const AROUND_DATA = 12;

/**
 * Checks that a PNG is whole: all its chunks are there to the last, and those that pixels depend on have
 * the checksums that they were written with. Decoders differ in what they make of others: some paint
 * what they can.
 *
 * @throws Error that says what is wrong with the file.
 */
export function requireWholePng(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = SIGNATURE_BYTES; ;) {
    if (at + AROUND_DATA > bytes.length)
      throw new Error("cannot be decoded: the picture is cut short");
    const end = at + AROUND_DATA + view.getUint32(at);
    if (end > bytes.length) throw new Error("cannot be decoded: the picture is cut short");
    const type = latin1(bytes.subarray(at + 4, at + 8));
    // PNG 5.4: a chunk whose type begins with a capital is one that pixels depend on.
    const isCritical = (bytes[at + 4]! & 0x20) === 0;
    if (isCritical && crc32(0, bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw new Error("cannot be decoded: the picture is damaged");
    }
    if (type === "IEND") return;
    at = end;
  }
}
