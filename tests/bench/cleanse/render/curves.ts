import {
  lineChart,
  type ChartPoint,
  type ChartSeries,
} from "../../../../client/demo/line-chart.ts";
import { lines, markup, NO_MARKUP, type Markup } from "../../../../client/demo/markup.ts";
import type { BenchResult, CurvePoint } from "../result.ts";
import type { Group } from "./groups.ts";

/** Colours of the page, `--curve-0` on; a label past them is dashed. */
export const CURVE_COLOURS = 8;

const DASHES = [undefined, "7 4", "2 3"] as const;

interface Quantity {
  readonly title: string;
  readonly of: (point: CurvePoint, run: BenchResult) => number | null | undefined;
  readonly top?: number;
}

/** From top to bottom of the page: what labels say, then what a campaign sees. */
const QUANTITIES: readonly Quantity[] = [
  { title: "ASR", of: ({ asr }) => asr, top: 1 },
  { title: "RA", of: ({ ra }) => ra, top: 1 },
  { title: "ACC", of: ({ acc }) => acc, top: 1 },
  {
    title: "Share of the teacher's mistakes inherited",
    of: ({ heldOut }) => heldOut?.transferRate,
    top: 1,
  },
  {
    title: "Agreement under perturbation",
    of: ({ heldOut }, { middleRadius }) =>
      heldOut?.perturbed.find(({ radius }) => radius === middleRadius)?.agreement,
    top: 1,
  },
  { title: "Agreement on held-out images", of: ({ heldOut }) => heldOut?.agreement, top: 1 },
  { title: "Loss on held-out images (nats)", of: ({ heldOut }) => heldOut?.loss },
  { title: "Loss of the round's steps (nats)", of: ({ trainingLoss }) => trainingLoss },
];

/** How a label's curves are drawn, the same on all charts of a page. */
export type Looks = ReadonlyMap<string, Pick<ChartSeries, "colour" | "dashes">>;

/** Looks by label: labels under the same conditions, which share charts, are told apart. */
export function looksOf(groups: readonly Group[]): Looks {
  const taken = new Map<string, number>();
  const looks = new Map<string, Pick<ChartSeries, "colour" | "dashes">>();
  for (const { conditions, label } of groups) {
    if (looks.has(label)) continue;
    const key = JSON.stringify(conditions);
    const index = taken.get(key) ?? 0;
    taken.set(key, index + 1);
    looks.set(label, {
      colour: `var(--curve-${index % CURVE_COLOURS})`,
      dashes: DASHES[Math.floor(index / CURVE_COLOURS) % DASHES.length],
    });
  }
  return looks;
}

/**
 * The charts of one teacher over the same x axis, rounds of the main leg: a curve for each
 * run, those of one label alike. Runs without curves are left out.
 */
export function caseCharts(groups: readonly Group[], looks: Looks): readonly Markup[] {
  const runs = groups.flatMap(({ label, runs: own }) => own.map((run) => ({ label, run })));
  const mains = runs.map(({ label, run }) => ({ label, run, points: mainPoints(run) }));
  const to = Math.max(0, ...mains.flatMap(({ points }) => points.map((point) => point.roundOfLeg)));
  if (to === 0) return [];
  return QUANTITIES.flatMap(({ title, of, top }) => {
    const series = mains.flatMap(({ label, run, points }): ChartSeries[] => {
      const valued = points.flatMap((point) => {
        const y = of(point, run);
        return y === null || y === undefined
          ? []
          : [{ x: point.roundOfLeg, y, round: point.round }];
      });
      if (valued.length === 0) return [];
      const name = `${label}, seed ${run.seed}`;
      return [{ name, ...looks.get(label)!, points: valued, marks: alarmMarks(run, valued, name) }];
    });
    // A point alone is no curve: the tables have it.
    if (!series.some(({ points }) => points.length > 1)) return [];
    const scale = { from: 0, to, ...(top === undefined ? {} : { top }) };
    return [lineChart({ title, xLabel: "rounds trained", series, ...scale })];
  });
}

function mainPoints({ curve }: BenchResult): readonly CurvePoint[] {
  return curve.filter(({ leg }) => leg === "main");
}

function alarmMarks(
  { alarm }: BenchResult,
  points: readonly (ChartPoint & { readonly round: number })[],
  name: string,
) {
  return points
    .filter(({ round }) => round === alarm?.round)
    .map(({ x, y }) => ({ x, y, text: `alarm: ${name}` }));
}

/** Which curve is whose, as HTML. */
export function legend(groups: readonly Group[], looks: Looks): Markup {
  const items = groups.map(({ label }) => {
    const { colour, dashes } = looks.get(label)!;
    const dash = dashes === undefined ? NO_MARKUP : markup` stroke-dasharray="${dashes}"`;
    return markup`<li><svg viewBox="0 0 34 12" aria-hidden="true"><line x1="1" x2="33" y1="6" y2="6" stroke="${colour}" stroke-width="3"${dash}/></svg>${label}</li>`;
  });
  return markup`<ul class="legend">\n${lines(items)}\n</ul>`;
}
