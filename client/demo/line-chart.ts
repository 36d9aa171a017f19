export interface LineChart {
  readonly title: string;
  /** One a round, from the first on. */
  readonly values: readonly number[];
  /** Top of the scale; default the largest value. The scale starts at 0. */
  readonly top?: number;
}

const WIDTH = 460;
const HEIGHT = 220;
const LEFT = 46;
const RIGHT = 12;
const TOP = 30;
const BOTTOM = 30;

/** A curve over rounds as an SVG element, coloured by the page's `--accent`. */
export function lineChart({ title, values, top = Math.max(...values, 1e-9) }: LineChart): string {
  const stepX = (WIDTH - LEFT - RIGHT) / Math.max(1, values.length - 1);
  const x = (index: number): number => LEFT + index * stepX;
  const y = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const points = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`);
  const ticks = [0, 0.5, 1].map((share) => share * top);
  return `<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title} by round" font-size="12" fill="currentColor">
<text x="${LEFT}" y="16" font-weight="600">${title}</text>
${ticks
  .map(
    (tick) =>
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" stroke="currentColor" stroke-opacity=".15"/><text x="${LEFT - 6}" y="${(y(tick) + 4).toFixed(1)}" text-anchor="end">${tick.toPrecision(2)}</text>`,
  )
  .join("\n")}
<polyline points="${points.join(" ")}" fill="none" stroke="var(--accent)" stroke-width="2"/>
${values
  .map(
    (value, index) =>
      `<circle cx="${x(index).toFixed(1)}" cy="${y(value).toFixed(1)}" r="3" fill="var(--accent)"><title>round ${index + 1}: ${value.toFixed(4)}</title></circle><text x="${x(index).toFixed(1)}" y="${HEIGHT - 8}" text-anchor="middle">${index + 1}</text>`,
  )
  .join("\n")}
</svg></figure>`;
}
