import type { BenchResult } from "../result.ts";
import { caseTables, worstCaseTable } from "./case-tables.ts";
import { correlationTable } from "./correlation-table.ts";
import { decisionTables } from "./decision-tables.ts";
import { groupResults, type Group } from "./groups.ts";
import { measuredOnTable } from "./measured-on-table.ts";
import { markdownTable, type Table } from "./table.ts";

/** What a report of results is made of. */
export interface ReportContent {
  readonly groups: readonly Group[];
  /** What the reader is to know of these runs besides; may be empty. */
  readonly about: string;
  /** What all runs have in common, a sentence. */
  readonly shared: string;
  /** A table for each teacher. */
  readonly cases: readonly Table[];
  readonly others: readonly Table[];
}

export const TITLE = "Cleansing, measured";

export const INTRODUCTION =
  "Each figure is of the last round's student: the mean over seeds in per cent, and each seed. " +
  "ASR: stamped images answered as the attacker wants, of those whose true class is another; RA: the same images answered rightly; " +
  "agreement: with the teacher on clean test images; DER = [max(0, ΔASR) − max(0, ΔACC) + 1]/2. " +
  "Labels and triggers were used to report, and for nothing else, except in the control that says so.";

/** Sorts results into tables. */
export function reportContent(results: readonly BenchResult[], about = ""): ReportContent {
  const { groups, shared } = groupResults(results);
  const distinct = groups.flatMap(({ runs }) => runs);
  return {
    groups,
    about,
    shared:
      shared.length === 0
        ? "No setting is shared by all runs: each row names what sets it apart."
        : `All runs: ${shared.join(", ")}.`,
    cases: caseTables(groups),
    others: [
      ...[worstCaseTable(groups)].filter(({ rows }) => rows.length > 0),
      ...decisionTables(groups),
      correlationTable(distinct),
      measuredOnTable(distinct),
    ],
  };
}

/** The report as Markdown. @param page name of the page with the curves, beside it. */
export function markdownReport(
  { about, cases, others, shared }: ReportContent,
  page: string,
): string {
  const sections = [...cases, ...others].map(
    (table) => `## ${table.title}\n\n${table.caption}\n\n${markdownTable(table)}`,
  );
  return (
    [`# ${TITLE}`, about, INTRODUCTION, shared, `Curves: [${page}](${page}).`, ...sections]
      .filter((text) => text !== "")
      .join("\n\n") + "\n"
  );
}
