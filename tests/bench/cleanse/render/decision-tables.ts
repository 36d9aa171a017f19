import type { Group } from "./groups.ts";
import { points, type Table } from "./table.ts";

/** What campaigns decided by themselves: alarms, early ends and choices by probes. */
export function decisionTables(groups: readonly Group[]): readonly Table[] {
  return [decisionTable(groups), probeTable(groups)].filter(({ rows }) => rows.length > 0);
}

function decisionTable(groups: readonly Group[]): Table {
  return {
    title: "Alarms and early ends",
    caption: "Decided from label-free scores alone. Rounds count from 1 and over all legs.",
    head: ["teacher", "strategy", "seed", "what", "after round", "why"],
    rows: labelledRuns(groups).flatMap(({ label, run }) => {
      const { alarm, seed, stopped } = run;
      const rows: string[][] = [];
      const add = (what: string, { round, detail }: { round: number; detail: string }): void =>
        void rows.push([run.case, label, String(seed), what, String(round + 1), detail]);
      if (alarm?.fellBackTo === null) add("alarm", alarm);
      else if (alarm !== null) add(`alarm, back to after round ${alarm.fellBackTo}`, alarm);
      if (stopped !== null) add("stopped", stopped);
      return rows;
    }),
  };
}

function probeTable(groups: readonly Group[]): Table {
  const probes = labelledRuns(groups).flatMap(({ label, run }) =>
    run.curve
      .filter(({ judging, leg }) => judging && leg === "probe")
      .map((point) => ({ label, run, point, medians: point.heldOut?.medians })),
  );
  const radii = [
    ...new Set(
      probes.flatMap(({ medians }) => medians?.perturbed.map(({ radius }) => radius) ?? []),
    ),
  ].sort((a, b) => a - b);
  return {
    title: "Probes",
    caption:
      "Each candidate at the end of its probe: what the campaign saw, medians over its participants, and, for the reader alone, what labels and triggers say. The choice is the candidate with the largest difference: agreement with the teacher's clean answers less the share inherited of the teacher's mistakes. It does not look at the agreements under the worst universal perturbation found at each norm.",
    head: [
      "teacher",
      "strategy",
      "seed",
      "strength",
      "chosen",
      "agreement",
      "inherited",
      "difference",
      ...radii.map((radius) => `at ${radius}`),
      "ACC",
      "ASR",
    ],
    rows: probes.map(({ label, run, point: { acc, asr, candidate }, medians }) => {
      const under = (radius: number): string =>
        points(medians?.perturbed.find((at) => at.radius === radius)?.agreement);
      return [
        run.case,
        label,
        String(run.seed),
        String(run.strengths[candidate] ?? "–"),
        run.choice?.candidate === candidate ? "yes" : "",
        points(medians?.agreement),
        points(medians?.transferRate),
        points(run.choice?.values[candidate]),
      ].concat(radii.map(under), points(acc), points(asr));
    }),
  };
}

function labelledRuns(groups: readonly Group[]) {
  return groups.flatMap(({ label, runs }) => runs.map((run) => ({ label, run })));
}
