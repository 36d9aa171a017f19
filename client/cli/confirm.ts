import { createInterface } from "node:readline/promises";

/**
 * Asks the person at the terminal; anything but y or yes is no. Where nobody sits there (input or
 * standard error is no terminal) the answer is no, at once.
 */
export async function confirm(question: string, signal: AbortSignal): Promise<boolean> {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
