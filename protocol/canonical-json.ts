import canonicalize from "canonicalize";

/**
 * JSON in the form of RFC 8785, of which there is one for each value; members that are undefined are
 * left out.
 *
 * @throws TypeError for a value JSON cannot hold: a number that is not finite, half a surrogate pair, a
 *   function.
 */
export function canonicalJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = canonicalize(value);
  } catch (cause) {
    throw new TypeError("the value has no form in canonical JSON (RFC 8785)", { cause });
  }
  if (text === undefined) throw new TypeError(`a ${typeof value} has no form in JSON`);
  return text;
}
