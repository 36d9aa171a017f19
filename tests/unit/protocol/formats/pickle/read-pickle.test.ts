import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { PickleCutShort } from "../../../../../protocol/formats/pickle/pickle-cursor.ts";
import {
  isRecord,
  type PickleValue,
} from "../../../../../protocol/formats/pickle/pickle-values.ts";
import { readPickle } from "../../../../../protocol/formats/pickle/read-pickle.ts";
import { problem } from "../../problem.ts";
import { call, dict, global, number, operations, pickle, text, tuple } from "./assemble.ts";

const PICKLES = new URL("../../../../fixtures/pytorch/pickles.json", import.meta.url);
/** One value by each protocol, in base64. */
const ofPython = JSON.parse(readFileSync(PICKLES, "utf8")) as readonly string[];

const bytesOf = (words: string) => Uint8Array.from(words, (char) => char.charCodeAt(0));
const value = (...pieces: Uint8Array[]) => readPickle(pickle(...pieces), 0).value;

/** Reads what is mostly one thing, many times over. */
const many =
  (code: string, bytes: number, before = "", after = "") =>
  () =>
    value(bytesOf(before), Buffer.alloc(bytes, code), bytesOf(after));

/** A value as JavaScript has it; dicts as lists of pairs. */
function plain(of: PickleValue | undefined): unknown {
  if (isRecord(of, "list") || isRecord(of, "tuple") || isRecord(of, "set")) {
    return of.items.map(plain);
  }
  if (isRecord(of, "dict")) return of.entries.map((pair) => pair.map(plain));
  // What protocols before 3 have no operation for: bytes by their encoding.
  if (isRecord(of, "object")) return Uint8Array.from(String(of.args[0]), (c) => c.charCodeAt(0));
  return of;
}

describe("a pickle", () => {
  it.each(ofPython.map((base64, protocol) => ({ base64, protocol })))(
    "[T2] of protocol $protocol says what Python wrote",
    ({ base64 }) => {
      const bytes = new Uint8Array(Buffer.from(base64, "base64"));
      const read = readPickle(bytes, 100);
      expect(read.end).toBe(100 + bytes.length);
      const nested = [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [], [], [["a", [[["b", 1]]]]]];
      expect(plain(read.value)).toEqual([
        ["none", null],
        ["truth", [true, false]],
        [
          "numbers",
          [
            0,
            1,
            -1,
            255,
            256,
            65535,
            65536,
            -(2 ** 31),
            2 ** 31,
            2n ** 53n,
            2n ** 60n,
            -(2n ** 70n),
          ],
        ],
        ["floats", [0.5, -1e300, Infinity]],
        ["text", "aä€𝄞\n'\"\\"],
        ["bytes", Uint8Array.of(0, 255)],
        ["nested", nested],
        ["again", [nested]],
      ]);
    },
  );

  it("[T2] is read to its end mark, whatever follows", () => {
    const bytes = operations("K\u0007.garbage");
    expect(readPickle(bytes, 10)).toMatchObject({ value: 7, end: 13 });
  });

  it("[T2] names, makes and points to things as records", () => {
    const read = readPickle(
      pickle(
        call(global("os", "system"), text("x")),
        operations("}(", text("a"), number(1), operations("ub")),
        operations("0"),
        operations("ios\nsystem\n".replace("i", "(i")),
        operations("0"),
        operations("(", global("os", "system"), number(1), operations("o")),
        operations("0"),
        text("os"),
        text("system"),
        operations("\u0093)}\u0092"),
        operations("0"),
        operations("Pkey\n"),
      ),
      50,
    );
    expect(read.value).toEqual({ kind: "persistent", id: "key" });
    expect(read.persistents).toEqual([read.value]);
    expect(read.globals).toHaveLength(4);
    expect(read.globals[0]).toEqual({ kind: "global", module: "os", name: "system", at: 52 });
    expect(read.objects.map(({ args, making }) => [making, args])).toEqual([
      ["call", ["x"]],
      ["call", []],
      ["call", [1]],
      ["new", []],
    ]);
    expect(plain(read.objects[0]!.state)).toEqual([["a", 1]]);
  });

  it("[T2] fills lists, sets, dicts and objects", () => {
    expect(plain(value(operations("](K\u0001K\u0002eK\u0003a")))).toEqual([1, 2, 3]);
    expect(plain(value(operations("\u008f(K\u0001K\u0001\u0090")))).toEqual([1, 1]);
    expect(plain(value(operations("(K\u0001\u0091")))).toEqual([1]);
    expect(plain(value(operations("}K\u0001K\u0002s")))).toEqual([[1, 2]]);
    const filled = value(
      call(global("collections", "OrderedDict")),
      operations("("),
      text("a"),
      number(1),
      operations("uK\u0001a"),
    );
    expect(filled).toMatchObject({ entries: [["a", 1]], items: [1] });
  });

  it("[T2] keeps text that is long or no Unicode as bytes", () => {
    expect(value(operations("U\u0001\u00ff"))).toEqual(Uint8Array.of(255));
    expect(value(text("x".repeat(70_000)))).toHaveLength(70_000);
    expect(value(text("x".repeat(70_000)))).toBeInstanceOf(Uint8Array);
  });

  it.each([
    ["operations that are none", "\u00ff", /no operation 0xff at byte 3/],
    ["a registry's classes", "\u0082\u0001", /a class by a number/],
    ["data outside", "\u0097", /data that lie outside/],
    ["values that are not there", "0", /without its value/],
    ["values below the mark", "K\u0001(a", /without its value/],
    ["marks that are not there", "t", /without its mark/],
    ["what was not remembered", "h\u0005", /was not remembered/],
    ["places that are no number", "gx\n", /a place that is no number/],
    ["numbers that are none", "I1x\n", /no whole number/],
    ["numbers that are none", "Fx\n", /no number/],
    ["long numbers", "\u008b\u0000\u0010\u0000\u0000", /a whole number of 4096 bytes/],
    ["text without quotes", "S'a\n", /without its quotes/],
    ["keys without a value", "}(K\u0001u", /a key without its value/],
    ["items for what is no list", "}K\u0001a", /no list/],
    ["a state for what is no object", "}K\u0001b", /no object/],
    ["arguments that are no tuple", "cos\nsystem\nK\u0001R", /no tuple/],
    ["names that are no text", "K\u0001K\u0001\u0093", /no text/],
    [
      "lengths that nothing has",
      "\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff",
      /a length/,
    ],
    ["objects without a class", "(o", /without its class/],
    ["a protocol to come", "\u0080\u0009", /protocol 9/],
  ])("[T2.1] with %s is refused with the place", (_, body, message) => {
    expect(problem("malformed-model", () => value(bytesOf(body)))).toMatch(message);
  });

  it("[T2.1] that ends before its end mark is told apart", () => {
    const whole = pickle(dict([["a", tuple(number(1), text("b"))]]));
    for (let end = 0; end < whole.length; end++) {
      expect(() => readPickle(whole.subarray(0, end), 0), String(end)).toThrow(PickleCutShort);
    }
  });

  it("[T2.1] of more operations, values, marks or lines than one may have is refused", () => {
    expect(problem("malformed-model", many("N", 200_001))).toMatch(/too many values on its stack/);
    expect(problem("malformed-model", many("]", 200_001))).toMatch(/too many values at/);
    expect(problem("malformed-model", many("(NNNNNNNNN1", 2_640_000))).toMatch(
      /too many numbers and/,
    );
    expect(problem("malformed-model", many("NNs", 1_200_003, "}"))).toMatch(/too many keys and/);
    expect(problem("malformed-model", many("N", 257, ")(", "tR"))).toMatch(/too many arguments/);
    expect(problem("malformed-model", many("(", 10_001))).toMatch(/too many open marks/);
    expect(problem("malformed-model", many("(0", 4_000_001))).toMatch(
      /more than 4000000 operations/,
    );
    expect(problem("malformed-model", many("x", 70_000, "c", "\n"))).toMatch(
      /a line of 70000 bytes/,
    );
  });
});
