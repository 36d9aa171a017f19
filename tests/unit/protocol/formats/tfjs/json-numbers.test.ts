import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { numberPlaces } from "../../../../../protocol/formats/tfjs/json-numbers.ts";

/** The numbers of a value by their path, as `numberPlaces` has them. */
function numbersOf(value: unknown, path = ""): [string, number][] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    numbersOf(inner, path === "" ? key : `${path}.${key}`),
  );
}

describe("the numbers of a JSON text", () => {
  it("are where they stand, whatever stands around them", () => {
    fc.assert(
      fc.property(
        fc.object({ maxDepth: 4, key: fc.stringMatching(/^[a-z]{1,3}$/) }),
        fc.constantFrom(0, 1),
        (value, indent) => {
          const json = JSON.stringify(value, undefined, indent);
          const plain = JSON.parse(json) as unknown;
          const places = numberPlaces(json, () => true);
          const found = [...places].map(([path, { begin, end }]) => [
            path,
            Number(json.slice(begin, end)),
          ]);
          const byPath = new Map(numbersOf(plain));
          for (const [path, number] of found)
            expect(byPath.has(path as string) && number).toEqual(number);
          expect(new Set(places.keys())).toEqual(new Set(byPath.keys()));
        },
      ),
      { numRuns: 200 },
    );
  });

  it("are found behind texts of any length and escapes", () => {
    const json = JSON.stringify({ a: "x".repeat(2 ** 24), 'b\\"': '\\\\"', c: [{ d: -1.5e-7 }] });
    const places = numberPlaces(json, (path) => path === "c.0.d");
    const { begin, end } = places.get("c.0.d")!;
    expect(json.slice(begin, end)).toBe("-1.5e-7");
  });

  it("are left out where they lie too deep for anything that is sought", () => {
    const json = `[1,${"[".repeat(1e5)}2${"]".repeat(1e5)}]`;
    expect([...numberPlaces(json, () => true).keys()]).toEqual(["0"]);
  });
});
