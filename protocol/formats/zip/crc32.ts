/** CRC-32 as zips have it (ISO 3309; APPNOTE 4.4.7), four bytes at a time by as many tables. */

const WIDTH = 4;

/** `TABLES[k][b]`: what byte b does to the remainder when k bytes follow it. */
const TABLES = Array.from({ length: WIDTH }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : 0xedb8_8320);
  }
  TABLES[0]![byte] = remainder;
}
for (let later = 1; later < WIDTH; later++) {
  const before = TABLES[later - 1]!;
  TABLES[later]!.set(before.map((remainder) => (remainder >>> 8) ^ TABLES[0]![remainder & 255]!));
}
const [LAST, THIRD, SECOND, FIRST] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/**
 * The checksum of bytes that follow others.
 *
 * @param before the others' checksum; 0 if there are none
 *
 * @example
 * crc32(crc32(0, head), tail);
 */
export function crc32(before: number, bytes: Uint8Array): number {
  let crc = ~before;
  const whole = bytes.length - (bytes.length % WIDTH);
  for (let at = 0; at < whole; at += WIDTH) {
    crc =
      FIRST[(crc ^ bytes[at]!) & 255]! ^
      SECOND[((crc >>> 8) ^ bytes[at + 1]!) & 255]! ^
      THIRD[((crc >>> 16) ^ bytes[at + 2]!) & 255]! ^
      LAST[((crc >>> 24) ^ bytes[at + 3]!) & 255]!;
  }
  for (let at = whole; at < bytes.length; at++) {
    crc = (crc >>> 8) ^ LAST[(crc ^ bytes[at]!) & 255]!;
  }
  return ~crc >>> 0;
}
