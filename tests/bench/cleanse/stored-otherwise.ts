import type { BenchRun } from "./bench-run.ts";
import type { BenchResult } from "./result.ts";

/**
 * Lines on runs that are done and stand in the results by another name: a run is the same whatever
 * its case is called, and with a `--set` that changes nothing. Tables show it under the old one.
 *
 * @example
 * storedOtherwise(runs, stored.results); // ["signs, bcu --set codec=int8: 2 runs are stored as signs, bcu."]
 */
export function storedOtherwise(
  runs: readonly BenchRun[],
  done: readonly BenchResult[],
): readonly string[] {
  const stored = new Map(done.map((result) => [result.run, result]));
  const asked = new Map(runs.map((run) => [run.name, run]));
  const counts = new Map<string, { readonly from: string; readonly to: string; runs: number }>();
  for (const { loaded, name, settings, strategyName } of asked.values()) {
    const result = stored.get(name);
    if (result === undefined) continue;
    const set = settings.set.map(({ text }) => text);
    const from = label(loaded.spec.name, strategyName, set);
    const to = label(result.case, result.strategy, result.overrides);
    if (from === to) continue;
    const key = JSON.stringify([from, to]);
    const known = counts.get(key) ?? { from, to, runs: 0 };
    known.runs++;
    counts.set(key, known);
  }
  return [...counts.values()].map(({ from, to, runs: count }) => {
    return `${from}: ${count === 1 ? "1 run is" : `${count} runs are`} stored as ${to}.`;
  });
}

function label(name: string, strategy: string, overrides: readonly string[]): string {
  return [`${name}, ${strategy}`, ...overrides.map((text) => `--set ${text}`)].join(" ");
}
