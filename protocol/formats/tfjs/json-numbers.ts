/** Where in a JSON text a number stands. */
export interface NumberPlace {
  /** First character. */
  readonly begin: number;
  readonly end: number;
}

/** Deepest nesting that is followed. */
const MOST_DEPTH = 256;

const TOKEN = /[{}[\],:]|"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null/g;

/**
 * Where the numbers of a JSON text stand, by their path: `weightsManifest.0.weights.3.quantization.min`.
 *
 * @param json valid JSON
 * @param wanted whether a path is of interest
 * @throws RangeError when it is nested deeper than 256 times.
 */
export function numberPlaces(
  json: string,
  wanted: (path: string) => boolean,
): ReadonlyMap<string, NumberPlace> {
  const places = new Map<string, NumberPlace>();
  /** Of the objects and lists that are open: the key or index that is being read. */
  const path: (string | number)[] = [];
  let expectsKey = false;
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(json); match !== null; match = TOKEN.exec(json)) {
    const token = match[0];
    const inside = path.length - 1;
    if (token === "{" || token === "[") {
      if (path.length === MOST_DEPTH) throw new RangeError(`the JSON is nested too deeply`);
      path.push(token === "{" ? "" : 0);
      expectsKey = token === "{";
    } else if (token === "}" || token === "]") {
      path.pop();
      expectsKey = false;
    } else if (token === ",") {
      const place = path[inside];
      expectsKey = typeof place === "string";
      if (typeof place === "number") path[inside] = place + 1;
    } else if (token.startsWith('"')) {
      if (expectsKey) path[inside] = JSON.parse(token) as string;
      expectsKey = false;
    } else if (/^[-\d]/.test(token)) {
      const name = path.join(".");
      if (wanted(name)) places.set(name, { begin: match.index, end: match.index + token.length });
    }
  }
  return places;
}
