import type { BenchResult } from "../result.ts";

/** Runs of one case by one strategy under the same conditions: they differ by their seeds. */
export interface Group {
  readonly case: string;
  /** Strategy and, where they are not the usual ones, conditions. */
  readonly label: string;
  readonly strategy: string;
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
  const groups = new Map<string, Group & { readonly runs: BenchResult[] }>();
  latest.forEach((result, index) => {
    const own = conditions[index]!.filter((condition) => !shared.includes(condition));
    const { case: name, strategy } = result;
    const label = rowLabel(result, own);
    const key = JSON.stringify([name, label]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { case: name, label, strategy, runs: [result] });
    else known.runs.push(result);
  });
  for (const { runs } of groups.values()) runs.sort((a, b) => a.seed - b.seed);
  return { groups: [...groups.values()], shared };
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
