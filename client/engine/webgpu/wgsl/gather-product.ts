import {
  applyAffine,
  declareAffine,
  loadQuad,
  quadsOf,
  type ChannelRun,
  type ShaderReading,
} from "./channels.ts";
import type { ShaderWriter, Tensor } from "./shader.ts";
import { unroll } from "./shader.ts";
import { addTerms, quadOf, rowOf, tileColumns, tileRows, tileThreads, type Tile } from "./tile.ts";

/**
 * The matrix product of a convolution's forward pass and input gradient: each row gathers, tap by
 * tap of the kernel, a run of channels at a place of the source; taps in order, channels in order.
 *
 * Names in scope: `norm_group`, `first_row` (of the tile), `row_count`, `first_quad` (of the tile's
 * columns), `lane`, `row_thread`, `column_thread`.
 */
export interface GatherProduct {
  readonly tile: Tile;
  readonly source: ShaderReading;
  readonly sourceHeight: number;
  readonly sourceWidth: number;
  readonly sourceRun: ChannelRun;
  /**
   * Statements from a row's number `m` to `image` and the place `y`, `x` (i32) that tap 0 reads,
   * all to be declared with `let`.
   */
  readonly place: string;
  /** Loops over taps, declaring `tap`, and i32 `tap_y` and `tap_x` to be added to a row's place. */
  readonly openTaps: string;
  readonly closeTaps: string;
  readonly weight: Tensor;
  readonly weightRun: ChannelRun;
  /**
   * Which way vectors of the weight lie: along the columns (`[tap, term, column]`), or along the
   * terms (`[tap, column, term]`).
   */
  readonly weightAlong: "columns" | "terms";
}

/** Statements that add the product to `sum_r_c`. */
export function gatherProduct(shader: ShaderWriter, product: GatherProduct): string {
  return product.tile.shared ? stagedProduct(shader, product) : quadProduct(shader, product);
}

/** Where the rows an invocation loads lie: `image_i`, `y_i`, `x_i`; rows past the end lie nowhere. */
function declarePlaces(
  { place }: GatherProduct,
  count: number,
  row: (i: number) => string,
): string {
  return unroll(
    count,
    (i) => `var image_${i} = 0u; var y_${i} = -1000000; var x_${i} = 0;
{ let m = first_row + ${row(i)};
if (m < row_count) {
${place}
image_${i} = image; y_${i} = y; x_${i} = x;
} }`,
  );
}

/** Of each row at the tap: whether it reads the source, and which position. */
function declareSources({ sourceHeight, sourceWidth }: GatherProduct, count: number): string {
  return unroll(
    count,
    (
      i,
    ) => `let inside_${i} = y_${i} + tap_y >= 0 && y_${i} + tap_y < ${sourceHeight} && x_${i} + tap_x >= 0 && x_${i} + tap_x < ${sourceWidth};
let from_${i} = u32((i32(image_${i}) * ${sourceHeight} + y_${i} + tap_y) * ${sourceWidth} + x_${i} + tap_x);`,
  );
}

function loadSource({ source, sourceRun }: GatherProduct, i: number, condition: string): string {
  const stored = loadQuad(source.values, sourceRun, `from_${i}`, "quad");
  return `select(vec4f(), ${applyAffine("source", source, stored)}, ${condition})`;
}

function stagedProduct(shader: ShaderWriter, product: GatherProduct): string {
  const { tile, source, sourceRun, weight, weightRun, weightAlong } = product;
  const threads = tileThreads(tile);
  const rows = tileRows(tile);
  const columns = tileColumns(tile);
  const depthQuads = tile.depth / 4;
  const termQuads = quadsOf(sourceRun.count);
  // One vector more than a row has, so that rows begin in different banks.
  const pitch = depthQuads + 1;
  const rowLoads = Math.ceil((rows * depthQuads) / threads);
  const stagesWhole = (rows * depthQuads) % threads === 0;
  const ragged = termQuads % depthQuads !== 0;
  shader.shared("left_tile", `array<vec4f, ${rows * pitch}>`);

  const alongColumns = weightAlong === "columns";
  const columnQuads = columns / 4;
  const rightItems = alongColumns ? tile.depth * columnQuads : columns * depthQuads;
  const rightSize = alongColumns ? rightItems : columns * pitch;
  shader.shared("right_tile", `array<vec4f, ${rightSize}>`);
  const stageRight = unroll(Math.ceil(rightItems / threads), (i) => {
    const guard = (i + 1) * threads > rightItems ? `if (item < ${rightItems}u) ` : "";
    const load = alongColumns
      ? `let term = item / ${columnQuads}u; let column = item % ${columnQuads}u;
right_tile[item] = ${loadQuad(weight, weightRun, `tap * ${sourceRun.count}u + 4u * first_term + term`, "first_quad + column")};`
      : `let column = item / ${depthQuads}u; let term = item % ${depthQuads}u;
right_tile[column * ${pitch}u + term] = ${loadQuad(weight, weightRun, `tap * column_count + 4u * first_quad + column`, "first_term + term")};`;
    return `{ let item = lane + ${i * threads}u;\n${guard}{ ${load} } }`;
  });
  const stageLeft = unroll(rowLoads, (i) => {
    const guard = stagesWhole || i < rowLoads - 1 ? "" : `if (${loadedRow(i)} < ${rows}u) `;
    const condition = ragged ? `inside_${i} && quad < ${termQuads}u` : `inside_${i}`;
    return `${guard}{ left_tile[(${loadedRow(i)}) * ${pitch}u + loaded_term] = ${loadSource(product, i, condition)}; }`;
  });
  function loadedRow(i: number): string {
    return `${(i * threads) / depthQuads}u + loaded_row`;
  }

  return `
let loaded_row = lane / ${depthQuads}u;
let loaded_term = lane % ${depthQuads}u;
${declarePlaces(product, rowLoads, loadedRow)}
${product.openTaps}
${declareSources(product, rowLoads)}
for (var first_term = 0u; first_term < ${termQuads}u; first_term += ${depthQuads}u) {
let quad = first_term + loaded_term;
${declareAffine("source", source, sourceRun, "norm_group", "quad")}
${stageLeft}
${stageRight}
workgroupBarrier();
for (var term = 0u; term < ${depthQuads}u; term++) {
${unroll(tile.rows, (r) => `let left_${r} = left_tile[(${rowOf(tile, r)}) * ${pitch}u + term];`)}
${readRight(tile, alongColumns, columnQuads, pitch)}
${addTerms(
  tile,
  (r, k) => `left_${r}[${k}]`,
  (k, c) => `right_${c}_${k}`,
)}
}
workgroupBarrier();
}
${product.closeTaps}`;
}

/** Statements: `right_c_k` of four terms from shared memory. */
function readRight(tile: Tile, alongColumns: boolean, columnQuads: number, pitch: number): string {
  return unroll(tile.quads, (c) => {
    const column = quadOf(tile, c);
    if (alongColumns) {
      return unroll(
        4,
        (k) =>
          `let right_${c}_${k} = right_tile[(4u * term + ${k}u) * ${columnQuads}u + ${column}];`,
      );
    }
    const terms = unroll(
      4,
      (j) => `let terms_${c}_${j} = right_tile[(4u * (${column}) + ${j}u) * ${pitch}u + term];`,
    );
    return `${terms}\n${transpose(`terms_${c}`, `right_${c}`)}`;
  });
}

/** Statements: `to_k` (four columns of term k) from `from_j` (four terms of column j). */
function transpose(from: string, to: string): string {
  return unroll(4, (k) => {
    const parts = [0, 1, 2, 3].map((j) => `${from}_${j}[${k}]`);
    return `let ${to}_${k} = vec4f(${parts.join(", ")});`;
  });
}

function quadProduct(shader: ShaderWriter, product: GatherProduct): string {
  const { tile, source, sourceRun, weight, weightRun, weightAlong } = product;
  shader.requireSubgroups();
  const termQuads = quadsOf(sourceRun.count);
  const alongColumns = weightAlong === "columns";
  const loadRight = unroll(tile.quads, (c) => {
    const column = `first_quad + ${c}u`;
    if (alongColumns) {
      const position = `tap * ${sourceRun.count}u + 4u * quad + corner`;
      return `let loaded_${c} = ${loadQuad(weight, weightRun, position, column)};`;
    }
    const position = `tap * column_count + 4u * (${column}) + corner`;
    const terms = unroll(4, (j) => `let terms_${c}_${j} = quadBroadcast(loaded_${c}, ${j}u);`);
    return `let loaded_${c} = ${loadQuad(weight, weightRun, position, "quad")};
${terms}
${transpose(`terms_${c}`, `right_${c}`)}`;
  });
  return `
let corner = lane & 3u;
${declarePlaces(product, tile.rows, (i) => rowOf(tile, i))}
${product.openTaps}
${declareSources(product, tile.rows)}
for (var quad = 0u; quad < ${termQuads}u; quad++) {
${declareAffine("source", source, sourceRun, "norm_group", "quad")}
${unroll(tile.rows, (r) => `let left_${r} = ${loadSource(product, r, `inside_${r}`)};`)}
${loadRight}
${addTerms(
  tile,
  (r, k) => `left_${r}[${k}]`,
  (k, c) => (alongColumns ? `quadBroadcast(loaded_${c}, ${k}u)` : `right_${c}_${k}`),
)}
}
${product.closeTaps}`;
}
