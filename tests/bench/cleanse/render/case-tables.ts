import { durationText } from "../../../../client/text/numbers-text.ts";
import { defenceEffectiveness } from "../defence-rate.ts";
import type { BenchResult } from "../result.ts";
import type { Group } from "./groups.ts";
import { meanAndEach, points, type Table } from "./table.ts";

/** A table for each teacher: a row for each strategy, figures of the last round. */
export function caseTables(groups: readonly Group[]): readonly Table[] {
  const cases = [...new Set(groups.map((group) => group.case))];
  return cases.map((name) =>
    caseTable(
      name,
      groups.filter((group) => group.case === name),
    ),
  );
}

function caseTable(name: string, groups: readonly Group[]): Table {
  return {
    title: name,
    caption: beforeText(groups),
    head: [
      "strategy",
      "ACC",
      "ASR",
      "RA",
      "agreement",
      "DER",
      "alarms",
      "images",
      "wall time",
      "images/s",
    ],
    rows: groups.map(({ label, runs }) => [
      label,
      meanAndEach(
        runs.map(({ after }) => after.acc),
        points,
      ),
      meanAndEach(
        runs.map(({ after }) => after.asr),
        points,
      ),
      meanAndEach(
        runs.map(({ after }) => after.ra),
        points,
      ),
      meanAndEach(
        runs.map(({ after }) => after.agreement),
        points,
      ),
      meanAndEach(runs.map(derOf), points),
      alarmsText(runs),
      String(Math.round(mean(runs.map(({ images }) => images)))),
      durationText(mean(runs.map(({ seconds }) => seconds))),
      mean(runs.map(({ imagesPerSecond }) => imagesPerSecond)).toFixed(0),
    ]),
  };
}

/** How the teacher did; where rows are of different teachers or images, of which rows it is said. */
function beforeText(groups: readonly Group[]): string {
  const labels = new Map<string, string[]>();
  for (const { label, runs } of groups) {
    const { before, classes, testImages } = runs[0]!;
    const text = `${classes} classes. Before: ACC ${points(before.acc)}, ASR ${points(before.asr)}, RA ${points(before.ra)}, on ${testImages} clean test images and the stamped ones.`;
    labels.set(text, [...(labels.get(text) ?? []), label]);
  }
  if (labels.size === 1) return [...labels.keys()].join();
  return [...labels].map(([text, rows]) => `${rows.join("; ")}: ${text}`).join(" ");
}

/**
 * By strategy, the worst that any teacher and seed came to; a strategy of one teacher has no worst case
 * that its own table does not tell.
 */
export function worstCaseTable(groups: readonly Group[]): Table {
  const labels = [...new Set(groups.map(({ label }) => label))];
  return {
    title: "Worst case over teachers",
    caption:
      "The worst of all teachers and seeds, each figure by itself, of what was tried on several. Only rows of the same teachers compare; of those, the ones with the lowest worst ASR come first.",
    head: [
      "strategy",
      "highest ASR",
      "most ACC lost",
      "lowest RA",
      "lowest DER",
      "alarms",
      "teachers",
      "runs",
    ],
    rows: labels
      .map((label) => {
        const own = groups.filter((group) => group.label === label);
        const runs = own.flatMap((group) => group.runs);
        const asr = largest(runs.map(({ after }) => after.asr));
        return { label, runs, asr, teachers: own.map((group) => group.case).sort() };
      })
      .filter(({ teachers }) => teachers.length > 1)
      .sort(
        (a, b) =>
          b.teachers.length - a.teachers.length ||
          a.teachers.join().localeCompare(b.teachers.join()) ||
          (a.asr ?? Infinity) - (b.asr ?? Infinity),
      )
      .map(({ label, runs, asr, teachers }) => [
        label,
        points(asr),
        points(largest(runs.map(accLost))),
        points(smallest(runs.map(({ after }) => after.ra))),
        points(smallest(runs.map(derOf))),
        alarmsText(runs),
        teachers.join(", "),
        String(runs.length),
      ]),
  };
}

/** By today's definition, whatever the line says. */
function derOf({ after, before }: BenchResult): number | null {
  return defenceEffectiveness(before, after);
}

function accLost({ before, after }: BenchResult): number | null {
  return before.acc === null || after.acc === null ? null : before.acc - after.acc;
}

function alarmsText(runs: readonly BenchResult[]): string {
  if (runs.every(({ control }) => control !== null)) return "–";
  return `${runs.filter(({ alarm }) => alarm !== null).length} of ${runs.length}`;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function smallest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.min(...known);
}
