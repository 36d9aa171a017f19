import { lines, markup, NO_MARKUP, type Markup } from "../../../../client/demo/markup.ts";
import { caseCharts, CURVE_COLOURS, legend, looksOf, type Looks } from "./curves.ts";
import { INTRODUCTION, TITLE, type ReportContent } from "./document.ts";
import type { Group } from "./groups.ts";
import { htmlTable, type Table } from "./table.ts";

/** Told apart by most readers, colour-blind ones too (after Okabe and Ito 2008). */
const LIGHT = [
  "#0072b2",
  "#d55e00",
  "#007a57",
  "#a6408a",
  "#8a6d00",
  "#3a93c2",
  "#555555",
  "#b3261e",
];
const DARK = [
  "#5bb3e8",
  "#ff8a3d",
  "#3ccf9e",
  "#e58bc8",
  "#f0d04a",
  "#a5dcff",
  "#b8b8b8",
  "#ff8f87",
];

/**
 * The report as one HTML page that needs nothing beside itself, and no JavaScript.
 *
 * @param withCurves whether a strategy's curves are drawn
 */
export function reportPage(
  { about, cases, groups, others, shared }: ReportContent,
  withCurves: (strategy: string) => boolean,
): string {
  const drawn = groups.filter(
    ({ runs, strategy }) => withCurves(strategy) && runs.some(({ curve }) => curve.length > 0),
  );
  const looks = looksOf(drawn);
  const sections = cases.map((table) => {
    const own = alike(drawn.filter((group) => group.case === table.title));
    return section(
      table,
      own.map((set) => curvesOf(set, looks)),
    );
  });
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scour: ${TITLE}</title>
<style>
  :root { color-scheme: light dark; --line: #8884; ${colours(LIGHT)} }
  @media (prefers-color-scheme: dark) { :root { ${colours(DARK)} } }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }
  h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; } h3 { font-size: 1rem; margin: 1.6rem 0 0; }
  .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
  th, td { padding: .35rem .9rem .35rem 0; text-align: left; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
  .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: 1.2rem; }
  .charts svg { width: 100%; height: auto; } figure { margin: 0; }
  .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; font-size: .9rem; }
  .legend svg { width: 2.1rem; height: .75rem; margin-right: .4rem; vertical-align: middle; }
</style>
</head>
<body>
<h1>${TITLE}</h1>
${about === "" ? NO_MARKUP : markup`<p>${about}</p>\n`}<p>${INTRODUCTION}</p>
<p>${shared}</p>
<p>Curves follow the main leg: figures and scores are of the student after so many rounds, the loss of the steps is of the round that comes next. A filled circle is an alarm. Where a campaign fell back, its last point is the student it went back to.</p>
${lines(sections)}
${lines(others.map((table) => section(table, [])))}
</body>
</html>
`.toString();
}

/** Groups by their conditions: what a plot may hold side by side. */
function alike(groups: readonly Group[]): readonly (readonly Group[])[] {
  const sets = new Map<string, Group[]>();
  for (const group of groups) {
    const key = JSON.stringify(group.conditions);
    sets.set(key, [...(sets.get(key) ?? []), group]);
  }
  return [...sets.values()];
}

/** The charts of runs under the same conditions, of one teacher. */
function curvesOf(groups: readonly Group[], looks: Looks): Markup {
  const charts = caseCharts(groups, looks);
  if (charts.length === 0) return NO_MARKUP;
  const title = groups[0]!.conditions.join(", ");
  const heading = title === "" ? NO_MARKUP : markup`\n<h3>${title}</h3>`;
  return markup`${heading}\n${legend(groups, looks)}\n<div class="charts">\n${lines(charts)}\n</div>`;
}

function section(table: Table, more: readonly Markup[]): Markup {
  return markup`<section>
<h2>${table.title}</h2>
<p>${table.caption}</p>
<div class="scroll">
${htmlTable(table)}
</div>${more}
</section>`;
}

function colours(palette: readonly string[]): string {
  return palette
    .slice(0, CURVE_COLOURS)
    .map((colour, index) => `--curve-${index}: ${colour};`)
    .join(" ");
}
