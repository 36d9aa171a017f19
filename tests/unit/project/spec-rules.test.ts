import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, projectFiles } from "./project-files.ts";

const read = (path: string) => readFileSync(join(PROJECT, path), "utf8");
const files = projectFiles();

/** Numbers of the rules, in their order: `R2`, and `R2.1` for a part of it. */
const rules = Array.from(
  read("protocol/SPEC.md").matchAll(/^ *- \*\*([A-Z]\d+(?:\.\d+)*)\*\* /gm),
  ([, rule]) => rule!,
);

/** Rules that a test's title begins with, as `[R2] [R2.1] …`, and where. */
const named = files
  .filter((path) => path.startsWith("tests/") && path.endsWith(".ts"))
  .flatMap((path) =>
    Array.from(read(path).matchAll(/["'`]((?:\[[A-Z]\d+(?:\.\d+)*\] ?)+)/g), ([, tags]) => tags!)
      .flatMap((tags) => tags.match(/[A-Z]\d+(?:\.\d+)*/g)!)
      .map((rule) => ({ rule, path })),
  );

describe("the rules of SPEC.md", () => {
  it("have a number each", () => {
    expect(rules.length).toBeGreaterThan(100);
    expect(rules.filter((rule, i) => rules.indexOf(rule) !== i)).toEqual([]);
  });

  it("are each named by a test, a rule with parts by a test of one of them", () => {
    const tested = new Set(named.map(({ rule }) => rule));
    const holds = (rule: string): boolean =>
      tested.has(rule) || rules.some((part) => part.startsWith(`${rule}.`) && tested.has(part));
    expect(rules.filter((rule) => !holds(rule))).toEqual([]);
  });

  it("are there for every test that names one", () => {
    expect(named.filter(({ rule }) => !rules.includes(rule))).toEqual([]);
  });

  it("are there wherever code and documents speak of one", () => {
    const spoken = files
      .filter((path) => /\.(?:tsx?|md)$/.test(path) && !/^docs\/(?:results|research)\//.test(path))
      .flatMap((path) =>
        Array.from(read(path).matchAll(/\bSPEC ([A-Z]\d+(?:\.\d+)*)/g), ([, rule]) => ({
          rule: rule!,
          path,
        })),
      );
    expect(spoken.filter(({ rule }) => !rules.includes(rule))).toEqual([]);
  });
});
