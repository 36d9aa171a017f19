const WIDTH = 320;
const HEIGHT = 64;
const MARGIN = 3;

/** A small curve of values over time, scaled to fit; the text beside it carries the number. */
export function Sparkline({
  values,
  label,
}: {
  readonly values: readonly number[];
  readonly label: string;
}) {
  if (values.length < 2) return <div class="sparkline empty" aria-hidden="true" />;
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, index) => {
    const x = (index / (values.length - 1)) * (WIDTH - 2 * MARGIN) + MARGIN;
    const y = HEIGHT - MARGIN - ((value - low) / span) * (HEIGHT - 2 * MARGIN);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <polyline
        points={`${MARGIN},${HEIGHT} ${points.join(" ")} ${WIDTH - MARGIN},${HEIGHT}`}
        class="area"
      />
      <polyline points={points.join(" ")} class="line" />
    </svg>
  );
}
