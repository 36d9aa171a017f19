import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import { residueTaps, type TapRun } from "../../program/kernels/residue-taps.ts";

/**
 * Input positions of one axis that meet the same kernel rows: those with equal (i + padding) mod
 * stride. To them a convolution's input gradient is a dense convolution with some of the rows.
 */
interface Parity extends TapRun {
  /** First position; the others follow by the stride. */
  readonly start: number;
  readonly count: number;
  /** Output position that the first kernel row brings to the first input position. */
  readonly origin: number;
}

function paritiesOf(
  size: number,
  kernel: number,
  stride: number,
  padding: number,
  dilation: number,
): Parity[] {
  const all = Array.from({ length: stride }, (_, residue) => {
    const start = (((residue - padding) % stride) + stride) % stride;
    const run = residueTaps(residue, kernel, stride, dilation);
    const count = Math.max(0, Math.ceil((size - start) / stride));
    const origin = Math.floor((start + padding - run.first * dilation) / stride);
    return { ...run, start, count, origin };
  });
  return all.filter(({ count }) => count > 0);
}

/** Those of each axis. */
interface ParityAxes {
  readonly ys: readonly Parity[];
  readonly xs: readonly Parity[];
}

function parityAxes(geometry: ConvGeometry): ParityAxes {
  const { inputHeight, inputWidth, kernelHeight, kernelWidth } = geometry;
  const { stride, padding, dilation } = geometry;
  return {
    ys: paritiesOf(inputHeight, kernelHeight, stride[0], padding[0], dilation[0]),
    xs: paritiesOf(inputWidth, kernelWidth, stride[1], padding[1], dilation[1]),
  };
}

/** Input positions that are worked on together. */
interface ParityClass {
  readonly y: Parity;
  readonly x: Parity;
}

/** Where the tiles of each class are among all tiles. */
interface ClassTiles {
  readonly tiles: number;
  /** Statements: what the workgroup's class of positions is, and its first row in it. */
  readonly declare: string;
}

/** Most classes that are told apart by a chain of conditions. */
const FEW_CLASSES = 4;

/** @param tileRows rows of a tile */
export function classTiles(
  geometry: ConvGeometry,
  groupSize: number,
  tileRows: number,
): ClassTiles {
  const axes = parityAxes(geometry);
  const tilesOf = ({ y, x }: ParityClass): number =>
    Math.ceil((groupSize * y.count * x.count) / tileRows);
  const classes = axes.ys.flatMap((y) => axes.xs.map((x) => ({ y, x })));
  if (classes.length > FEW_CLASSES) {
    const each = Math.max(...classes.map(tilesOf));
    return { tiles: classes.length * each, declare: classByTable(axes, each, tileRows) };
  }
  const counts = classes.map(tilesOf);
  return {
    tiles: counts.reduce((sum, count) => sum + count, 0),
    declare: classByChain(classes, counts, tileRows),
  };
}

function classByChain(
  classes: readonly ParityClass[],
  counts: readonly number[],
  tileRows: number,
): string {
  const declare = ({ y, x }: ParityClass, firstTile: number): Record<string, string> => ({
    first_row: `(group.y - ${firstTile}u) * ${tileRows}u`,
    class_height: `${y.count}u`,
    class_width: `${x.count}u`,
    start_y: `${y.start}u`,
    start_x: `${x.start}u`,
    first_y: `${y.first}u`,
    first_x: `${x.first}u`,
    taps_y: `${y.taps}u`,
    taps_x: `${x.taps}u`,
    origin_y: `${y.origin}i`,
    origin_x: `${x.origin}i`,
  });
  let firstTile = 0;
  const found = classes.map((one, index) => {
    const names = declare(one, firstTile);
    firstTile += counts[index]!;
    return { names, end: firstTile };
  });
  const last = found.at(-1)!;
  if (found.length === 1) {
    return Object.entries(last.names)
      .map(([name, value]) => `let ${name} = ${value};`)
      .join("\n");
  }
  const start = Object.entries(last.names).map(([name, value]) => `var ${name} = ${value};`);
  const choices = found.slice(0, -1).map(({ names, end }) => {
    const set = Object.entries(names).map(([name, value]) => `${name} = ${value};`);
    return `if (group.y < ${end}u) { ${set.join(" ")} }`;
  });
  return `${start.join("\n")}\n${choices.join(" else ")}`;
}

/** Every class has as many tiles as the largest; a table an axis says which positions are its own. */
function classByTable({ ys, xs }: ParityAxes, tilesEach: number, tileRows: number): string {
  return `let class_index = group.y / ${tilesEach}u;
let first_row = group.y % ${tilesEach}u * ${tileRows}u;
${axisTable("y", "class_height", ys, `class_index / ${xs.length}u`)}
${axisTable("x", "class_width", xs, `class_index % ${xs.length}u`)}`;
}

/** Statements: what is true of the parity at `index`. */
function axisTable(
  name: "y" | "x",
  size: string,
  parities: readonly Parity[],
  index: string,
): string {
  const rows = parities.map(
    ({ count, start, first, taps }) => `vec4u(${count}u, ${start}u, ${first}u, ${taps}u)`,
  );
  const origins = parities.map(({ origin }) => `${origin}i`);
  return `var parities_${name} = array<vec4u, ${rows.length}>(${rows.join(", ")});
var origins_${name} = array<i32, ${rows.length}>(${origins.join(", ")});
let parity_${name} = parities_${name}[${index}];
let ${size} = parity_${name}[0];
let start_${name} = parity_${name}[1];
let first_${name} = parity_${name}[2];
let taps_${name} = parity_${name}[3];
let origin_${name} = origins_${name}[${index}];`;
}
