/**
 * UTF-8 and JSON as the heads of files need them: malformed input is an error, never a replacement
 * character, and a name given twice is noticed, which `JSON.parse` would not do.
 */

/** The platform's own (https://encoding.spec.whatwg.org), which every one has that Scour runs on. */
declare const TextDecoder: new (
  label: string,
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Decodes UTF-8 strictly (RFC 3629); a byte order mark is a character like any other.
 *
 * @throws TypeError for bytes that are not UTF-8.
 */
export function decodeUtf8(bytes: Uint8Array): string {
  return STRICT.decode(bytes);
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
