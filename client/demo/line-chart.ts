import { lines, markup, NO_MARKUP, type Markup } from "./markup.ts";

export interface ChartPoint {
  readonly x: number;
  readonly y: number;
}

export interface ChartSeries {
  /** Shown when the pointer rests on the curve. */
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  /** From left to right. */
  readonly points: readonly ChartPoint[];
  /** SVG's `stroke-dasharray`; solid when left out. */
  readonly dashes?: string | undefined;
  /** Points that deserve a look, and why. */
  readonly marks?: readonly (ChartPoint & { readonly text: string })[];
}

export interface LineChart {
  readonly title: string;
  /** What counts from left to right. */
  readonly xLabel: string;
  readonly series: readonly ChartSeries[];
  /** Ends of the horizontal scale; default those of the points. */
  readonly from?: number;
  readonly to?: number;
  /** Top of the vertical scale, which starts at 0; default the largest value. */
  readonly top?: number;
  /** A dot on every point, with its value when the pointer rests on it. */
  readonly dots?: boolean;
}

const WIDTH = 460;
const HEIGHT = 236;
const LEFT = 46;
const RIGHT = 12;
const TOP = 30;
const BOTTOM = 46;

/** Labels that fit under the chart. */
const MOST_TICKS = 12;

/** Curves as an SVG element that takes its ink from the page; readable without JavaScript. */
export function lineChart(chart: LineChart): Markup {
  const { dots = false, series, title, xLabel } = chart;
  const points = series.flatMap((one) => one.points);
  const from = chart.from ?? Math.min(...points.map(({ x }) => x), Infinity);
  const to = chart.to ?? Math.max(...points.map(({ x }) => x), -Infinity);
  const top = chart.top ?? Math.max(...points.map(({ y }) => y), 1e-9);
  const right = WIDTH - RIGHT;
  const x = (value: number): string =>
    (LEFT + ((value - from) / Math.max(1, to - from)) * (right - LEFT)).toFixed(1);
  const y = (value: number): string =>
    (HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)).toFixed(1);

  const horizontals = [0, 0.5, 1].map((share) => {
    const at = y(share * top);
    const line = markup`<line x1="${LEFT}" x2="${right}" y1="${at}" y2="${at}" stroke="currentColor" stroke-opacity=".15"/>`;
    return markup`${line}<text x="${LEFT - 6}" y="${(Number(at) + 4).toFixed(1)}" text-anchor="end">${(share * top).toPrecision(2)}</text>`;
  });
  const verticals = wholeTicks(from, to).map(
    (tick) =>
      markup`<text x="${x(tick)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${tick}</text>`,
  );
  const curves = series.map(({ colour, dashes, marks = [], name, points: own }) => {
    const path = own.map((point) => `${x(point.x)},${y(point.y)}`).join(" ");
    const dash = dashes === undefined ? NO_MARKUP : markup` stroke-dasharray="${dashes}"`;
    const circle = (at: ChartPoint, radius: number, text: string): Markup =>
      markup`<circle cx="${x(at.x)}" cy="${y(at.y)}" r="${radius}" fill="${colour}"><title>${text}</title></circle>`;
    const curve = markup`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${dash}><title>${name}</title></polyline>`;
    const onPoints = dots
      ? own.map((point) => circle(point, 3, `${xLabel} ${point.x}: ${point.y.toFixed(4)}`))
      : [];
    const onMarks = marks.map((mark) => circle(mark, 6, mark.text));
    return lines([curve, ...onPoints, ...onMarks]);
  });
  return markup`<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} by ${xLabel}" font-size="12" fill="currentColor">
<text x="${LEFT}" y="16" font-weight="600">${title}</text>
${lines([...horizontals, ...verticals])}
<text x="${((LEFT + right) / 2).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle" opacity=".75">${xLabel}</text>
${lines(curves)}
</svg></figure>`;
}

/** Whole numbers at even distances, no more than fit. */
function wholeTicks(from: number, to: number): number[] {
  if (!Number.isFinite(from) || !Number.isFinite(to)) return [];
  const distances = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
  const span = to - from;
  const distance = distances.find((step) => span / step < MOST_TICKS) ?? span;
  const ticks: number[] = [];
  for (let tick = Math.ceil(from / distance) * distance; tick <= to; tick += distance) {
    ticks.push(tick);
  }
  return ticks;
}
