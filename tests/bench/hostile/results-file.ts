import { appendFile, mkdir, readFile, truncate } from "node:fs/promises";
import { dirname } from "node:path";
import { CommandError } from "../../../client/cli/command-error.ts";
import { resultSchema, type HostileResult } from "./result.ts";

/**
 * Opens a file of results, one JSON document a line; a last line that was cut off is removed.
 *
 * @throws CommandError naming the line that is no result.
 */
export async function openResults(path: string): Promise<{
  readonly results: readonly HostileResult[];
  readonly append: (result: HostileResult) => Promise<void>;
}> {
  await mkdir(dirname(path), { recursive: true });
  const text = await readFile(path, { encoding: "utf8", flag: "a+" });
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
  const results = whole.split("\n").flatMap((line, index) => {
    if (line === "") return [];
    const parsed = resultSchema.safeParse(parseJson(line));
    if (parsed.success) return [parsed.data];
    const [issue] = parsed.error.issues;
    throw new CommandError(
      `line ${index + 1} of ${path} is no result of this bench (${issue?.path.join(".")}: ${issue?.message})`,
      "Results of another version belong into a folder of their own; name another one.",
    );
  });
  return {
    results,
    // One write, so that a process that is ended leaves all of the line or nothing.
    append: (result) => appendFile(path, `${JSON.stringify(result)}\n`, { flush: true }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
