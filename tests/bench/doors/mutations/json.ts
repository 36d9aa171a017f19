import type { Random } from "../random.ts";

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e308,
  -1e308,
  2 ** 53,
  "",
  "x",
  "\u0000\u001b[2J\r\n\u202e",
  "x".repeat(5000),
  [],
  {},
  [[[[]]]],
  { toString: 1 },
  { $ne: null },
];

/** Texts that are JSON and more than it says, or nearly JSON. */
const TEXTS: readonly ((text: string) => string)[] = [
  () => "",
  () => "null",
  () => "[]",
  () => "NaN",
  (text) => text.slice(0, -1),
  (text) => `${text}${text}`,
  (text) => `${text},`,
  (text) => `\ufeff${text}`,
  (text) => `//\n${text}`,
  (text) => text.replace("{", '{"__proto__":{"kind":"admin"},'),
  (text) => text.replace("{", '{"constructor":{"prototype":{"x":1}},'),
  (text) => text.replace("{", '{"\\ud800":1,'),
  (text) => text.replace(/"([^"]*)"(?=[,}])/, String.raw`"\ud800$1"`),
  // The same key twice.
  (text) => text.replace(/\{("[^"]+":[^,{}[\]]+)/, "{$1,$1"),
  (text) => text.replace(/:-?\d[\d.]*/, ":1e308"),
  (text) => text.replace(/:-?\d[\d.]*/, ":1e999"),
  (text) => text.replace(/:-?\d[\d.]*/, ":-0"),
  (text) => text.replace(/:-?\d[\d.]*/, ":0.000000000000000000000000000000000000000000001"),
  (text) => text.replace(/:-?\d[\d.]*/, `:${"9".repeat(400)}`),
  (text) => text.replace("{", `{"unknown":${"[".repeat(30_000)}${"]".repeat(30_000)},`),
  () => "[".repeat(30_000),
  () => '{"a":'.repeat(12_000) + "1" + "}".repeat(12_000),
  (text) => text.replace("{", `{"padding":"${"x".repeat(300_000)}",`),
  (text) => " ".repeat(70_000) + text,
];

/** A JSON body changed in its text, in its bytes, or in one of its values. */
export function mutatedJson(body: Buffer, random: Random): Buffer {
  const text = body.toString();
  switch (random.weighted({ text: 4, value: 4, key: 2, bytes: 1, encoding: 1 })) {
    case "text":
      return Buffer.from(random.pick(TEXTS)(text));
    case "value":
      return Buffer.from(JSON.stringify(withValue(JSON.parse(text), random)));
    case "key":
      return Buffer.from(JSON.stringify(withKey(JSON.parse(text), random)));
    case "bytes": {
      const changed = Buffer.from(body);
      if (changed.length > 0) changed[random.int(changed.length)] = random.pick([0, 128, 192, 255]);
      return changed;
    }
    case "encoding":
      return Buffer.from(text, "utf16le");
  }
}

type Json = Record<string, unknown> | unknown[];

/** Every object and array in a value, itself first. */
function containers(value: unknown): Json[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Json, ...Object.values(value).flatMap(containers)];
}

/** One value somewhere is another. */
function withValue(value: unknown, random: Random): unknown {
  const inside = containers(value).filter((each) => Object.keys(each).length > 0);
  if (inside.length === 0) return random.pick(VALUES);
  const container = random.pick(inside) as Record<string, unknown>;
  container[random.pick(Object.keys(container))] = random.pick(VALUES);
  return value;
}

/** One key somewhere is gone, or one more is there. */
function withKey(value: unknown, random: Random): unknown {
  const objects = containers(value).filter((each) => !Array.isArray(each));
  if (objects.length === 0) return value;
  const object = random.pick(objects) as Record<string, unknown>;
  const keys = Object.keys(object);
  if (keys.length > 0 && random.chance(0.5)) delete object[random.pick(keys)];
  else object[random.pick(["unknown", "__proto__x", "", "toString", "kind"])] = random.pick(VALUES);
  return value;
}
