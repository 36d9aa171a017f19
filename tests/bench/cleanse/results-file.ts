import { appendFile, mkdir, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandError } from "../../../client/cli/command-error.ts";
import { resultSchema, type BenchResult } from "./result.ts";

/** What stands in a file of results. */
export interface StoredResults {
  readonly results: readonly BenchResult[];
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
  /** Whether a last line was cut off, by a power failure or a full disk. */
  readonly isTorn: boolean;
}

/**
 * Reads results, one JSON document a line.
 *
 * @param name of the file, for messages.
 * @throws CommandError naming the line that is no result.
 */
export function parseResults(text: string, name: string): StoredResults {
  const end = text.lastIndexOf("\n") + 1;
  const whole = text.slice(0, end);
  const results = whole.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new CommandError(`line ${index + 1} of ${name} is not JSON`, ADVICE);
    }
    const parsed = resultSchema.safeParse(value);
    if (parsed.success) return [parsed.data];
    const [issue] = parsed.error.issues;
    throw new CommandError(
      `line ${index + 1} of ${name} is no result of this bench (${issue?.path.join(".")}: ${issue?.message})`,
      ADVICE,
    );
  });
  return {
    results,
    wholeBytes: Buffer.byteLength(whole),
    isTorn: text.slice(end).trim() !== "",
  };
}

const ADVICE = "Results of another version belong into a file of their own; name another one.";

/** Reads a file of results; one that is not there yet holds none. */
export async function readResults(path: string): Promise<StoredResults> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return { results: [], wholeBytes: 0, isTorn: false };
    }
    throw error;
  }
  return parseResults(text, path);
}

/**
 * Opens a file to add results to; a last line that was cut off is removed, its run is done again.
 *
 * @returns what stands in it, and a function that adds a line at once and whole.
 */
export async function openResults(
  path: string,
  note: (line: string) => void,
): Promise<{
  readonly results: readonly BenchResult[];
  readonly append: (result: BenchResult) => Promise<void>;
}> {
  await mkdir(dirname(path), { recursive: true });
  const { results, wholeBytes, isTorn } = await readResults(path);
  if (isTorn) {
    await truncate(path, wholeBytes);
    note(`The last line of ${path} was cut off; it is removed and its run done again.`);
  }
  return {
    results,
    // One write, so that a process that is ended leaves all of the line or nothing.
    append: (result) => appendFile(path, `${JSON.stringify(result)}\n`, { flush: true }),
  };
}
