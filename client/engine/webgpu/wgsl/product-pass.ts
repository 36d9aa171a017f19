import type { ChannelRun } from "./channels.ts";
import { storeSums } from "./gradient-epilogue.ts";
import { unroll, type Dispatch, type ShaderWriter, type Tensor } from "./shader.ts";
import {
  declareSums,
  declareThread,
  eachRow,
  quadOf,
  reduceChannelSums,
  tileColumns,
  tileParts,
  tileThreads,
  type Tile,
} from "./tile.ts";

/**
 * A matrix product whose rows are positions and whose columns are channels, tile by tile, each value
 * finished where it was summed: a convolution's forward pass and its input gradient.
 *
 * Names in scope of all statements: `norm_group`, `channel_group`, `first_quad` (of the tile's
 * columns), `column_count`.
 */
export interface ProductPass {
  readonly label: string;
  readonly tile: Tile;
  /** Groups of channels, and the columns of one. */
  readonly channelGroups: number;
  readonly output: ChannelRun;
  /** Tiles of a norm group's rows. */
  readonly rowTiles: number;
  readonly normGroups: number;
  /** Statements: `first_row` of the workgroup's tile, and `row_count`. */
  readonly rows: string;
  /** Statements: adds the product to the invocation's sums. */
  readonly product: string;
  /** Statements for the `c`-th quad of columns, `quad_c`: what does not depend on the row. */
  readonly before: (c: number) => string;
  /** Statements: `position` of row `m` in the output. */
  readonly position: string;
  /**
   * Statements: stores `value` of `position` and `quad_c`; adds to `first_sum_c` and `second_sum_c`
   * where sums are wanted.
   */
  readonly finish: (c: number) => string;
  readonly sums: ProductSums | undefined;
  readonly cost: number;
}

interface ProductSums {
  /** Where each tile's channel sums go. */
  readonly out: Tensor;
  /** Tiles of a norm group that have such, its first; all when left out. */
  readonly rowTiles?: number;
}

export function productPass(shader: ShaderWriter, pass: ProductPass): Dispatch {
  const { label, tile, channelGroups, output, rowTiles, normGroups, sums, cost } = pass;
  const columns = output.count;
  const columnTiles = Math.ceil(columns / tileColumns(tile));
  const ragged = columns % tileColumns(tile) !== 0;
  const finish = (c: number, sum: string): string =>
    `${ragged ? `if (4u * quad_${c} < ${columns}u) ` : ""}{
var value = ${sum};
${pass.finish(c)}
}`;
  const storeTileSums =
    ({ out, rowTiles: summed = rowTiles }: ProductSums) =>
    (part: string, quad: string, first: string, second: string) =>
      `let quad = first_quad + ${quad};
if (4u * quad < ${columns}u${summed < rowTiles ? ` && group.y < ${summed}u` : ""}) {
${storeSums(out, output, `(norm_group * ${summed * tileParts(tile)}u + ${part}) * 2u`, "quad", [first, second])}
}`;
  const body = `
let norm_group = group.z;
let channel_group = group.x / ${columnTiles}u;
let first_quad = group.x % ${columnTiles}u * ${tileColumns(tile) / 4}u;
let column_count = ${columns}u;
${pass.rows}
${declareThread(tile)}
${declareSums(tile)}
${pass.product}
${unroll(
  tile.quads,
  (c) => `let quad_${c} = first_quad + ${quadOf(tile, c)};
${pass.before(c)}
${sums ? `var first_sum_${c} = vec4f(); var second_sum_${c} = vec4f();` : ""}`,
)}
${eachRow(
  tile,
  (row, sum) => `let m = first_row + ${row};
if (m < row_count) {
${pass.position}
${unroll(tile.quads, (c) => finish(c, sum(c)))}
}`,
)}
${sums ? reduceChannelSums(shader, tile, storeTileSums(sums)) : ""}`;
  const workgroups = [channelGroups * columnTiles, rowTiles, normGroups] as const;
  return shader.dispatch(label, [tileThreads(tile), 1], workgroups, cost, body);
}
