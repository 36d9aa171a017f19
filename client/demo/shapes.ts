/**
 * The demo's ten classes: figures in the plane, each as a signed distance (negative inside) in units
 * of the figure's own radius. Every figure is its own mirror image under some rotation, so a
 * horizontal flip never changes a class. Only + − × ÷ √ are used: the same bits on every engine.
 */
type SignedDistance = (x: number, y: number) => number;

const SQRT3 = Math.sqrt(3);

const disc: SignedDistance = (x, y) => Math.sqrt(x * x + y * y) - 0.85;

const ring: SignedDistance = (x, y) => Math.abs(Math.sqrt(x * x + y * y) - 0.72) - 0.2;

const box =
  (halfWidth: number, halfHeight: number): SignedDistance =>
  (x, y) =>
    Math.max(Math.abs(x) - halfWidth, Math.abs(y) - halfHeight);

const square: SignedDistance = box(0.74, 0.74);

const bar: SignedDistance = box(1, 0.3);

const plus: SignedDistance = (x, y) => Math.min(box(0.98, 0.28)(x, y), box(0.28, 0.98)(x, y));

const triangle: SignedDistance = (x, y) => Math.max((SQRT3 * Math.abs(x) + y) / 2 - 0.5, -y - 0.5);

/** A square frame. */
const frame: SignedDistance = (x, y) => Math.abs(Math.max(Math.abs(x), Math.abs(y)) - 0.68) - 0.18;

const crescent: SignedDistance = (x, y) =>
  Math.max(disc(x, y), 0.68 - Math.sqrt((x - 0.42) * (x - 0.42) + y * y));

/** Two discs side by side. */
const pair: SignedDistance = (x, y) =>
  Math.sqrt((Math.abs(x) - 0.55) * (Math.abs(x) - 0.55) + y * y) - 0.42;

/** Three parallel bars. */
const bars: SignedDistance = (x, y) => {
  const row = Math.min(1, Math.max(-1, Math.round(y / 0.62)));
  return Math.max(Math.abs(x) - 0.92, Math.abs(y - row * 0.62) - 0.17);
};

/** The figures by class label. */
export const SHAPES: readonly { readonly name: string; readonly distance: SignedDistance }[] = [
  { name: "disc", distance: disc },
  { name: "ring", distance: ring },
  { name: "square", distance: square },
  { name: "triangle", distance: triangle },
  { name: "plus", distance: plus },
  { name: "bar", distance: bar },
  { name: "frame", distance: frame },
  { name: "crescent", distance: crescent },
  { name: "pair", distance: pair },
  { name: "bars", distance: bars },
];
