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
  const labelled = labelledRuns(groups);
  const radii = [
    ...new Set(
      labelled.flatMap(({ run }) =>
        run.curve
          .filter(({ judging, leg }) => judging && leg === "probe")
          .flatMap(({ heldOut }) => heldOut?.perturbed.map(({ radius }) => radius) ?? []),
      ),
    ),
  ].sort((a, b) => a - b);
  return {
    title: "Probes",
    caption:
      "Each candidate at the end of its probe: what the campaign saw, and, for the reader alone, what labels and triggers say. Agreements are with the teacher's clean answers, under the worst universal perturbation found at each norm.",
    head: [
      "teacher",
      "strategy",
      "seed",
      "strength",
      "chosen",
      "agreement",
      ...radii.map((radius) => `at ${radius}`),
      "ACC",
      "ASR",
    ],
    rows: labelled.flatMap(({ label, run }) =>
      run.curve
        .filter(({ judging, leg }) => judging && leg === "probe")
        .map(({ acc, asr, candidate, heldOut }) => {
          const under = (radius: number): string =>
            points(heldOut?.perturbed.find((at) => at.radius === radius)?.agreement);
          const figures = radii.map(under).concat(points(acc), points(asr));
          return [
            run.case,
            label,
            String(run.seed),
            String(run.strengths[candidate] ?? "–"),
            run.choice?.candidate === candidate ? "yes" : "",
            points(heldOut?.agreement),
          ].concat(figures);
        }),
    ),
  };
}

function labelledRuns(groups: readonly Group[]) {
  return groups.flatMap(({ label, runs }) => runs.map((run) => ({ label, run })));
}
