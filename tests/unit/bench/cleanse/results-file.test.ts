import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openResults, parseResults, readResults } from "../../../bench/cleanse/results-file.ts";
import { temporaryDirectory } from "../../cli/temporary-directory.ts";
import { aResult } from "./a-result.ts";

describe("a file of results", () => {
  it("gives back what was added, from one opening to the next", async () => {
    const folder = await temporaryDirectory();
    const path = join(folder, "new", "results.jsonl");
    const notes: string[] = [];
    const first = await openResults(path, (line) => notes.push(line));
    expect(first.results).toEqual([]);
    const results = [aResult(), aResult({ run: "f".repeat(16), seed: 2 })];
    for (const result of results) await first.append(result);
    const second = await openResults(path, (line) => notes.push(line));
    expect(second.results).toEqual(results);
    expect(notes).toEqual([]);
  });

  it("loses a line that was cut off, and nothing else", async () => {
    const folder = await temporaryDirectory();
    const path = join(folder, "results.jsonl");
    const whole = `${JSON.stringify(aResult())}\n`;
    await writeFile(path, whole);
    await appendFile(path, '{"format":"scour-cle');
    expect(await readResults(path)).toMatchObject({ isTorn: true });
    const notes: string[] = [];
    const { results, append } = await openResults(path, (line) => notes.push(line));
    expect(results).toEqual([aResult()]);
    expect(notes).toEqual([expect.stringContaining("was cut off")]);
    expect(await readFile(path, "utf8")).toBe(whole);
    await append(aResult({ seed: 2 }));
    expect((await readResults(path)).results.map(({ seed }) => seed)).toEqual([1, 2]);
  });

  it("may hold lines from before targets were written down", () => {
    const { target: _, ...before } = aResult();
    const { results } = parseResults(`${JSON.stringify(before)}\n`, "r.jsonl");
    expect(results).toEqual([before]);
  });

  it("names the line that is no result", () => {
    const line = JSON.stringify(aResult());
    expect(() => parseResults(`${line}\nnot JSON\n`, "r.jsonl")).toThrow(/line 2 of r\.jsonl/);
    const other = JSON.stringify({ ...aResult(), format: "something-else" });
    expect(() => parseResults(`${line}\n\n${other}\n`, "r.jsonl")).toThrow(/line 3.*format/);
  });
});
