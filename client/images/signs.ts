/** Bytes that stand at a place of a file; a character stands for the byte of its code. */
export type Sign = readonly (readonly [at: number, bytes: string])[];

/** Whether a file that begins so carries one of the signs. */
export function carries(head: Uint8Array, signs: readonly Sign[]): boolean {
  return signs.some((sign) =>
    sign.every(([at, bytes]) =>
      Array.from(bytes, (character) => character.charCodeAt(0)).every(
        (byte, index) => head[at + index] === byte,
      ),
    ),
  );
}

/** Bytes as characters of the same codes. */
export function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
