/** Where in a JSON text a number stands. */
export interface NumberPlace {
  /** First character. */
  readonly begin: number;
  readonly end: number;
}

/** Numbers that lie deeper have no name. */
const MOST_DEPTH = 64;

const TOKEN = /[{}[\],"]|-?\d[\d.eE+-]*/g;

/**
 * Where the numbers of a JSON text stand, by their path: `weightsManifest.0.weights.3.quantization.min`.
 *
 * @param json valid JSON
 * @param wanted whether a path is of interest
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
      path.push(token === "{" ? "" : 0);
      expectsKey = token === "{";
    } else if (token === "}" || token === "]") {
      path.pop();
      expectsKey = false;
    } else if (token === ",") {
      const place = path[inside];
      expectsKey = typeof place === "string";
      if (typeof place === "number") path[inside] = place + 1;
    } else if (token === '"') {
      const end = textEnd(json, match.index);
      if (expectsKey) path[inside] = JSON.parse(json.slice(match.index, end)) as string;
      expectsKey = false;
      TOKEN.lastIndex = end;
    } else if (path.length <= MOST_DEPTH) {
      const name = path.join(".");
      if (wanted(name)) places.set(name, { begin: match.index, end: match.index + token.length });
    }
  }
  return places;
}

/** Where a text that begins at a quote ends. A text may be longer than a regular expression can match. */
function textEnd(json: string, begin: number): number {
  for (let quote = json.indexOf('"', begin + 1); ; quote = json.indexOf('"', quote + 1)) {
    let escapes = 0;
    while (json[quote - 1 - escapes] === "\\") escapes++;
    if (escapes % 2 === 0) return quote + 1;
  }
}
