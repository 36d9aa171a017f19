/**
 * UTF-8 and JSON as a file header needs them: malformed input is an error, never a replacement
 * character, and a name given twice is noticed, which `JSON.parse` would not do.
 */

/**
 * Decodes UTF-8 strictly (RFC 3629).
 *
 * @throws RangeError that names the first byte which is not part of a character.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const pieces: string[] = [];
  let units: number[] = [];
  for (let i = 0; i < bytes.length;) {
    const lead = bytes[i]!;
    const extra =
      lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    if (extra < 0 || i + extra >= bytes.length) throw new RangeError(`byte ${i} is not UTF-8`);
    let point = extra === 0 ? lead : lead & (0x3f >> extra);
    for (let j = 1; j <= extra; j++) {
      const next = bytes[i + j]!;
      if ((next & 0xc0) !== 0x80) throw new RangeError(`byte ${i + j} is not UTF-8`);
      point = (point << 6) | (next & 0x3f);
    }
    const overlong = (extra === 2 && point < 0x800) || (extra === 3 && point < 0x1_0000);
    if (overlong || point > 0x10_ffff || (point >= 0xd800 && point < 0xe000)) {
      throw new RangeError(`byte ${i} is not UTF-8`);
    }
    if (point < 0x1_0000) units.push(point);
    else units.push(0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
    i += extra + 1;
    if (units.length >= 8192) {
      pieces.push(String.fromCharCode(...units));
      units = [];
    }
  }
  pieces.push(String.fromCharCode(...units));
  return pieces.join("");
}

/** The first key that an object in `json` holds twice, if any. `json` must be valid JSON. */
export function repeatedKey(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  const token = /[{}[\]]|"(?:[^"\\]|\\.)*"(\s*:)?/g;
  for (let match = token.exec(json); match !== null; match = token.exec(json)) {
    const text = match[0];
    if (text === "{") open.push(new Set());
    else if (text === "[") open.push(undefined);
    else if (text === "}" || text === "]") open.pop();
    else if (match[1] !== undefined) {
      const key = JSON.parse(text.slice(0, -match[1].length)) as string;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return undefined;
}
