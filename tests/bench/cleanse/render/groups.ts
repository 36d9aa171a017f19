import { isDeepStrictEqual } from "node:util";
import type { BenchResult } from "../result.ts";
import { settingsDifference, settingsOf } from "./settings-difference.ts";

/** Runs of one case by one strategy with the same settings: they differ by their seeds. */
export interface Group {
  readonly case: string;
  /** Strategy and, where they are not the usual ones or not those of another row, conditions. */
  readonly label: string;
  readonly strategy: string;
  /** All that sets its runs apart from others of the strategy but the campaign's own defaults. */
  readonly conditions: readonly string[];
  readonly runs: readonly BenchResult[];
}

/** Results in rows, and what their runs have in common. */
export interface GroupedResults {
  readonly groups: readonly Group[];
  /** Conditions of every run, so that rows need not repeat them. */
  readonly shared: readonly string[];
}

/**
 * Puts results together that belong into one row, in the order in which they first occur; of a run
 * that occurs twice the last counts.
 */
export function groupResults(results: readonly BenchResult[]): GroupedResults {
  const latest = [...new Map(results.map((result) => [result.run, result])).values()];
  const conditions = latest.map(conditionsOf);
  const shared = (conditions[0] ?? []).filter((condition) =>
    conditions.every((others) => others.includes(condition)),
  );
  const rows: Row[] = [];
  latest.forEach((result, index) => {
    const own = conditions[index]!.filter((condition) => !shared.includes(condition));
    const key = JSON.stringify([result.case, rowLabel(result, own)]);
    const settings = settingsOf(result);
    const known = rows.find((row) => row.key === key && isDeepStrictEqual(row.settings, settings));
    if (known === undefined) rows.push({ key, conditions: own, settings, runs: [result] });
    else known.runs.push(result);
  });
  return { groups: rows.map((row) => groupOf(row, rows)), shared };
}

/** A group before it has a label that no other has. */
interface Row {
  /** The same for all rows that go by one label unless their settings are told. */
  readonly key: string;
  readonly conditions: readonly string[];
  readonly settings: unknown;
  readonly runs: BenchResult[];
}

function groupOf(row: Row, rows: readonly Row[]): Group {
  const namesakes = rows.filter(({ key }) => key === row.key);
  const differences = settingsDifference(namesakes.map(({ settings }) => settings));
  const apart = differences[namesakes.indexOf(row)]!;
  const runs = row.runs.toSorted((a, b) => a.seed - b.seed);
  const { case: name, strategy } = runs[0]!;
  const label = rowLabel(runs[0]!, [...row.conditions, ...apart]);
  return { case: name, label, strategy, conditions: row.conditions, runs };
}

/** All that may set a run apart from others of its strategy. */
function conditionsOf({ overrides, participants, pool }: BenchResult): string[] {
  return [
    `${participants} participants`,
    ...(pool.swapped ? [`pool ${pool.file}`] : []),
    ...(pool.size === null ? [] : [`${pool.size} images`]),
    ...(pool.skew === null ? [] : [`skew ${pool.skew}`]),
    ...overrides,
  ];
}

function rowLabel({ control, strategy }: BenchResult, conditions: readonly string[]): string {
  const kind = control?.labels === true ? "control, WITH labels" : "control";
  const remarks = [...(control === null ? [] : [kind]), ...conditions];
  return remarks.length === 0 ? strategy : `${strategy} (${remarks.join(", ")})`;
}
