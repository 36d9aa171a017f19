import type { BenchResult } from "../result.ts";
import type { Table } from "./table.ts";

/** What was measured where: one row for each machine, engine and commit. */
export function measuredOnTable(results: readonly BenchResult[]): Table {
  const rows = new Map<string, { row: string[]; runs: BenchResult[] }>();
  for (const result of results) {
    const { commit, engine, machine, threads } = result;
    const row = [machine, engine, threads === null ? "all" : String(threads), commit];
    const key = JSON.stringify(row);
    const known = rows.get(key) ?? { row, runs: [] };
    known.runs.push(result);
    rows.set(key, known);
  }
  return {
    title: "Measured on",
    caption:
      "A + at the commit: the tree differed from it. Wall times compare within one machine and engine only.",
    head: ["machine", "engine", "threads", "commit", "runs", "from", "to"],
    rows: [...rows.values()].map(({ row, runs }) => {
      const days = runs.map(({ finishedAt }) => finishedAt.slice(0, 10)).sort();
      return row.concat(String(runs.length), days[0]!, days.at(-1)!);
    }),
  };
}
