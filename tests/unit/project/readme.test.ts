import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT } from "./project-files.ts";

const read = (path: string) => readFileSync(join(PROJECT, path), "utf8");

describe("the README", () => {
  it("is read in two minutes: 500 words at most, targets of links aside", () => {
    const words = read("README.md")
      .replace(/\]\([^)]*\)/g, "]")
      .split(/\s+/)
      .filter((word) => /[\p{L}\p{N}]/u.test(word));
    expect(words.length).toBeGreaterThan(100);
    expect(words.length).toBeLessThanOrEqual(500);
  });

  it("has the command that .ci/run runs", () => {
    const commands = read(".ci/run")
      .split("\n")
      .filter((line) => line.startsWith("npm "));
    expect(commands).toHaveLength(1);
    expect(read("README.md")).toContain(commands[0]);
  });
});
