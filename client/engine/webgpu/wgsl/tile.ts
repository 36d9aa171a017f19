import type { ShaderWriter } from "./shader.ts";
import { unroll } from "./shader.ts";

/**
 * How a matrix product is cut among invocations. Each keeps `rows` × 4·`quads` sums in registers;
 * `rowThreads` × `columnThreads` of them are a workgroup.
 *
 * - `shared`: the workgroup stages `depth` terms of both factors in shared memory.
 * - otherwise every invocation loads its own rows, and the four of a quad share what they load of
 *   the columns by `quadBroadcast`: no barriers, for devices where those are slow. It has one column
 *   of threads.
 */
export interface Tile {
  readonly shared: boolean;
  readonly rows: number;
  readonly quads: number;
  readonly rowThreads: number;
  readonly columnThreads: number;
  /** Terms staged at a time; a multiple of 4. */
  readonly depth: number;
}

export function tileRows({ rows, rowThreads }: Tile): number {
  return rows * rowThreads;
}

export function tileColumns({ quads, columnThreads }: Tile): number {
  return 4 * quads * columnThreads;
}

export function tileThreads({ rowThreads, columnThreads }: Tile): number {
  return rowThreads * columnThreads;
}

/** Statements: `sum_r_c`, the invocation's sums, four columns each. */
export function declareSums({ rows, quads }: Tile): string {
  return unroll(rows, (r) => unroll(quads, (c) => `var sum_${r}_${c} = vec4f();`));
}

/**
 * Statements: adds four terms to every sum, in order.
 *
 * @param left expression of the row's factor in term k, a float
 * @param right expression of the columns' factor in term k, a vector
 */
export function addTerms(
  { rows, quads }: Tile,
  left: (row: number, term: number) => string,
  right: (term: number, quad: number) => string,
): string {
  return unroll(4, (k) =>
    unroll(
      quads,
      (c) =>
        `{ let right = ${right(k, c)};\n` +
        unroll(rows, (r) => `sum_${r}_${c} += ${left(r, k)} * right;`) +
        " }",
    ),
  );
}

/**
 * Statements for each row of sums an invocation keeps, its number in the tile and its sums. Without
 * shared memory a loop: such devices compile slowly, and have no registers to lose.
 */
export function eachRow(
  tile: Tile,
  body: (row: string, sum: (quad: number) => string) => string,
): string {
  if (tile.shared) {
    return unroll(tile.rows, (r) => `{ ${body(rowOf(tile, r), (c) => `sum_${r}_${c}`)} }`);
  }
  const sums = Array.from({ length: tile.rows }, (_, r) =>
    Array.from({ length: tile.quads }, (__, c) => `sum_${r}_${c}`),
  ).flat();
  return `var sums_kept = array<vec4f, ${sums.length}>(${sums.join(", ")});
for (var r = 0u; r < ${tile.rows}u; r++) {
${body(`r * ${tile.rowThreads}u + row_thread`, (c) => `sums_kept[r * ${tile.quads}u + ${c}u]`)}
}`;
}

/** Expression: the tile's row that is the invocation's `index`-th. */
export function rowOf(tile: Tile, index: number): string {
  return `${index * tile.rowThreads}u + row_thread`;
}

/** Expression: the tile's quad of columns that is the invocation's `index`-th. */
export function quadOf(tile: Tile, index: number): string {
  return tile.columnThreads === 1 ? `${index}u` : `${index * tile.columnThreads}u + column_thread`;
}

/** Statements: `row_thread` and `column_thread`. */
export function declareThread({ columnThreads }: Tile): string {
  return columnThreads === 1
    ? "let row_thread = lane;\nlet column_thread = 0u;"
    : `let row_thread = lane / ${columnThreads}u;\nlet column_thread = lane % ${columnThreads}u;`;
}

/** Partial sums a tile gives of each channel. */
export function tileParts({ shared, rowThreads }: Tile): number {
  return shared ? 1 : rowThreads / 4;
}

/**
 * Statements: sums `first_sum_c` and `second_sum_c` over the tile's rows, in order, to one partial
 * sum or one for each quad of invocations, and hands each quad of columns to `write`.
 */
export function reduceChannelSums(
  shader: ShaderWriter,
  tile: Tile,
  write: (part: string, quad: string, first: string, second: string) => string,
): string {
  const parts = `group.y * ${tileParts(tile)}u`;
  if (!tile.shared) {
    return unroll(
      tile.quads,
      (c) => `{ let first = ${overQuad(`first_sum_${c}`)};
let second = ${overQuad(`second_sum_${c}`)};
if (corner == 0u) { ${write(`${parts} + lane / 4u`, quadOf(tile, c), "first", "second")} } }`,
    );
  }
  const threads = tileThreads(tile);
  shader.shared("channel_sums", `array<vec4f, ${2 * threads}>`);
  return unroll(
    tile.quads,
    (c) => `
workgroupBarrier();
channel_sums[2u * lane] = first_sum_${c};
channel_sums[2u * lane + 1u] = second_sum_${c};
workgroupBarrier();
if (row_thread == 0u) {
  var first = vec4f();
  var second = vec4f();
  for (var t = 0u; t < ${tile.rowThreads}u; t++) {
    first += channel_sums[2u * (t * ${tile.columnThreads}u + column_thread)];
    second += channel_sums[2u * (t * ${tile.columnThreads}u + column_thread) + 1u];
  }
  ${write(parts, quadOf(tile, c), "first", "second")}
}`,
  );
}

/** Expression: the sum over the four invocations of a quad, in order. */
function overQuad(sum: string): string {
  return [0, 1, 2, 3].map((corner) => `quadBroadcast(${sum}, ${corner}u)`).join(" + ");
}
