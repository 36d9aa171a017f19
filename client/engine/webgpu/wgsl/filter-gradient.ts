import type { FilterGradientKernel } from "../../program/kernels/convolution.ts";
import {
  applyAffine,
  declareAffine,
  groupChannels,
  loadQuad,
  quadsOf,
  readingOf,
  storeQuad,
  wideRegions,
  type ChannelRun,
  type ShaderReading,
} from "./channels.ts";
import { ShaderWriter, times, unroll, type Dispatch } from "./shader.ts";
import {
  addTerms,
  declareSums,
  declareThread,
  eachRow,
  quadOf,
  tileColumns,
  tileRows,
  tileThreads,
  type Tile,
} from "./tile.ts";
import type { Tensor } from "./shader.ts";

/**
 * The filter gradient as a matrix product: rows are (tap, input channel) with the channels of a tap
 * filled up to whole quads, columns are output channels, terms are output positions in order.
 */
interface PositionProduct {
  readonly tile: Tile;
  readonly kernel: FilterGradientKernel;
  readonly groupSize: number;
  readonly x: ShaderReading;
  readonly xRun: ChannelRun;
  readonly dy: Tensor;
  readonly dyRun: ChannelRun;
}

/** Quads of rows of one convolution group. */
function rowQuads({ geometry }: FilterGradientKernel): number {
  const { kernelHeight, kernelWidth, channelsIn, groups } = geometry;
  return kernelHeight * kernelWidth * quadsOf(channelsIn / groups);
}

/** One sum for each run of positions, to the workspace; of a single run straight onto dw. */
export function filterGradientDispatch(
  kernel: FilterGradientKernel,
  tile: Tile,
  groupSize: number,
): Dispatch {
  const { geometry, dw, workspace, parts } = kernel;
  const { channelsIn, channelsOut, groups, outputHeight, outputWidth } = geometry;
  const { kernelHeight, kernelWidth } = geometry;
  const rows = channelsIn / groups;
  const columns = channelsOut / groups;
  const columnTiles = Math.ceil(columns / tileColumns(tile));
  const tapQuads = quadsOf(rows);
  const rowTiles = Math.ceil((4 * rowQuads(kernel)) / tileRows(tile));
  const runsOfGroup = (parts * groupSize) / geometry.images;
  // What a run is made of: positions, or whole lines of them.
  const steps = groupSize * outputHeight * (tile.shared ? outputWidth : 1);

  const inArena = [kernel.x.values, kernel.x.affine?.coefficients, kernel.dy, workspace];
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channelsOut, columns),
    ...(workspace ? [] : wideRegions([dw], channelsOut, columns)),
  ]);
  const x = readingOf(shader, "x", kernel.x);
  const dy = shader.operand("dy", kernel.dy);
  const target = shader.operand("dw", workspace ?? dw);
  const output = groupChannels(channelsOut, groups);
  const xRun = groupChannels(channelsIn, groups);
  const product = { tile, kernel, groupSize, x, xRun, dy, dyRun: output };

  const finish = (sum: string, c: number): string => {
    const position = workspace ? `group.z * ${kernelHeight * kernelWidth * rows}u + row` : "row";
    const old = workspace ? "" : `${loadQuad(target, output, position, `quad_${c}`)} + `;
    return `if (4u * quad_${c} < ${columns}u) { let total = ${old}${sum};
${storeQuad(target, output, position, `quad_${c}`, "total")} }`;
  };
  const body = `
let norm_group = group.z / ${runsOfGroup}u;
let run = group.z % ${runsOfGroup}u;
let run_length = ${Math.ceil(steps / runsOfGroup)}u;
let run_start = min(run * run_length, ${steps}u);
let run_end = min(run_start + run_length, ${steps}u);
let channel_group = group.x / ${columnTiles}u;
let first_quad = group.x % ${columnTiles}u * ${tileColumns(tile) / 4}u;
let first_row_quad = group.y * ${tileRows(tile) / 4}u;
${declareThread(tile)}
${declareSums(tile)}
${tile.shared ? stagedTerms(shader, product) : quadTerms(shader, product)}
${unroll(tile.quads, (c) => `let quad_${c} = first_quad + ${quadOf(tile, c)};`)}
${eachRow(
  tile,
  (row, sum) => `let m = ${row};
// Rows of an invocation are four of a quad, then the next quad's.
let local_row = m / ${tile.rowThreads}u;
let row_quad = first_row_quad + local_row / 4u * ${tile.rowThreads}u + row_thread;
let tap = row_quad / ${tapQuads}u;
let channel = 4u * (row_quad % ${tapQuads}u) + local_row % 4u;
if (tap < ${kernelHeight * kernelWidth}u && channel < ${rows}u) {
let row = tap * ${rows}u + channel;
${unroll(tile.quads, (c) => finish(sum(c), c))}
}`,
)}`;
  return shader.dispatch(
    "filter-gradient",
    [tileThreads(tile), 1],
    [groups * columnTiles, rowTiles, parts],
    geometry.images * outputHeight * outputWidth * channelsOut * rows * kernelHeight * kernelWidth,
    body,
  );
}

function rowQuadOf({ rowThreads }: Tile, index: number): string {
  return `${index * rowThreads}u + row_thread`;
}

/** Statements: kernel place and channels of a quad of rows, and its coefficients, under `i`. */
function declareRowQuad({ kernel, x, xRun }: PositionProduct, i: number, quad: string): string {
  const { kernelHeight, kernelWidth, padding, dilation, channelsIn, groups } = kernel.geometry;
  const tapQuads = quadsOf(channelsIn / groups);
  return `let row_quad_${i} = first_row_quad + ${quad};
let tap_${i} = row_quad_${i} / ${tapQuads}u;
let channel_quad_${i} = row_quad_${i} % ${tapQuads}u;
let tap_y_${i} = ${times(`i32(tap_${i} / ${kernelWidth}u)`, dilation[0])} - ${padding[0]};
let tap_x_${i} = ${times(`i32(tap_${i} % ${kernelWidth}u)`, dilation[1])} - ${padding[1]};
let exists_${i} = tap_${i} < ${kernelHeight * kernelWidth}u;
${declareAffine(`source_${i}`, x, xRun, "norm_group", `channel_quad_${i}`)}`;
}

/** Statements: image and place of output position `m` of the norm group, in the input, under `k`. */
function declarePosition({ kernel, groupSize }: PositionProduct, k: number, m: string): string {
  const { outputHeight, outputWidth, stride } = kernel.geometry;
  const area = outputHeight * outputWidth;
  return `let m_${k} = ${m};
let image_${k} = i32(norm_group * ${groupSize}u + m_${k} / ${area}u);
let y_${k} = i32(m_${k} % ${area}u / ${outputWidth}u) * ${stride[0]};
let x_${k} = i32(m_${k} % ${outputWidth}u) * ${stride[1]};`;
}

/** Expression: the quad of rows `i` of the input seen from position `k`; 0 outside. */
function inputAt({ kernel, x, xRun }: PositionProduct, i: number, k: number): string {
  const { inputHeight, inputWidth } = kernel.geometry;
  const y = `y_${k} + tap_y_${i}`;
  const across = `x_${k} + tap_x_${i}`;
  const inside = `exists_${i} && m_${k} < run_end && ${y} >= 0 && ${y} < ${inputHeight} && ${across} >= 0 && ${across} < ${inputWidth}`;
  const position = `u32((image_${k} * ${inputHeight} + ${y}) * ${inputWidth} + ${across})`;
  const stored = loadQuad(x.values, xRun, position, `channel_quad_${i}`);
  return `select(vec4f(), ${applyAffine(`source_${i}`, x, stored)}, ${inside})`;
}

/** Expression: output gradient at position `m` of the norm group; 0 past the run. */
function gradientAt(product: PositionProduct, m: string, quad: string): string {
  const { outputHeight, outputWidth } = product.kernel.geometry;
  const positions = product.groupSize * outputHeight * outputWidth;
  const stored = loadQuad(product.dy, product.dyRun, `norm_group * ${positions}u + ${m}`, quad);
  return `select(vec4f(), ${stored}, ${m} < run_end)`;
}

function stagedTerms(shader: ShaderWriter, product: PositionProduct): string {
  const { tile } = product;
  const threads = tileThreads(tile);
  const rowItems = tileRows(tile) / 4;
  const columnItems = tileColumns(tile) / 4;
  const leftItems = tile.depth * rowItems;
  const rightItems = tile.depth * columnItems;
  shader.shared("left_tile", `array<vec4f, ${leftItems}>`);
  shader.shared("right_tile", `array<vec4f, ${rightItems}>`);
  // Invocations keep their quad of rows, and take positions in turn.
  const positionsAtOnce = threads / rowItems;
  const stageLeft = unroll(Math.ceil(leftItems / threads), (i) => {
    const term = `${i * positionsAtOnce}u + lane / ${rowItems}u`;
    const guard = (i + 1) * threads > leftItems ? `if (${term} < ${tile.depth}u) ` : "";
    return `${guard}{ ${declarePosition(product, i, `start + ${term}`)}
left_tile[(${term}) * ${rowItems}u + lane % ${rowItems}u] = ${inputAt(product, 0, i)}; }`;
  });
  const stageRight = unroll(Math.ceil(rightItems / threads), (i) => {
    const guard = (i + 1) * threads > rightItems ? `if (item < ${rightItems}u) ` : "";
    return `{ let item = lane + ${i * threads}u;
${guard}{ let m = start + item / ${columnItems}u;
right_tile[item] = ${gradientAt(product, "m", `first_quad + item % ${columnItems}u`)}; } }`;
  });
  return `
${declareRowQuad(product, 0, `lane % ${rowItems}u`)}
for (var start = run_start; start < run_end; start += ${tile.depth}u) {
${stageLeft}
${stageRight}
workgroupBarrier();
for (var term = 0u; term < ${tile.depth}u; term += 4u) {
${unroll(4, (k) =>
  unroll(
    tile.rows / 4,
    (q) => `let left_${k}_${q} = left_tile[(term + ${k}u) * ${rowItems}u + ${rowQuadOf(tile, q)}];`,
  ),
)}
${addTerms(
  tile,
  (r, k) => `left_${k}_${r >> 2}[${r & 3}]`,
  (k, c) => `right_tile[(term + ${k}u) * ${columnItems}u + ${quadOf(tile, c)}]`,
)}
}
workgroupBarrier();
}`;
}

/** Without shared memory: line by line of the output, four positions of a line at a time. */
function quadTerms(shader: ShaderWriter, product: PositionProduct): string {
  const { tile, kernel, groupSize, x, xRun, dy, dyRun } = product;
  const { inputHeight, inputWidth, outputHeight, outputWidth, stride } = kernel.geometry;
  const quads = tile.rows / 4;
  shader.requireSubgroups();
  const whole = outputWidth % 4 === 0;
  const loadRight = (c: number): string => {
    const position = `(norm_group * ${groupSize * outputHeight}u + line) * ${outputWidth}u + across + corner`;
    const stored = loadQuad(dy, dyRun, position, `first_quad + ${c}u`);
    const value = whole ? stored : `select(vec4f(), ${stored}, across + corner < ${outputWidth}u)`;
    return `let loaded_${c} = ${value};`;
  };
  const loadLeft = (k: number, q: number): string => {
    const stored = loadQuad(x.values, xRun, `u32(line_${q} + at)`, `channel_quad_${q}`);
    const ends = whole ? "" : ` && across + ${k}u < ${outputWidth}u`;
    return `var left_${k}_${q} = vec4f();
{ let at = i32(across + ${k}u) * ${stride[1]} + tap_x_${q};
left_${k}_${q} = select(vec4f(), ${applyAffine(`source_${q}`, x, stored)}, inside_${q} && at >= 0 && at < ${inputWidth}${ends}); }`;
  };
  return `
let corner = lane & 3u;
${unroll(quads, (q) => declareRowQuad(product, q, rowQuadOf(tile, q)))}
for (var line = run_start; line < run_end; line++) {
let image = i32(norm_group * ${groupSize}u + line / ${outputHeight}u);
let line_y = i32(line % ${outputHeight}u) * ${stride[0]};
${unroll(
  quads,
  (
    q,
  ) => `let inside_${q} = exists_${q} && line_y + tap_y_${q} >= 0 && line_y + tap_y_${q} < ${inputHeight};
let line_${q} = (image * ${inputHeight} + line_y + tap_y_${q}) * ${inputWidth};`,
)}
for (var across = 0u; across < ${outputWidth}u; across += 4u) {
${unroll(tile.quads, loadRight)}
${unroll(4, (k) => unroll(quads, (q) => loadLeft(k, q)))}
${addTerms(
  tile,
  (r, k) => `left_${k}_${r >> 2}[${r & 3}]`,
  (k, c) => `quadBroadcast(loaded_${c}, ${k}u)`,
)}
}
}`;
}

/** dw += the sums of all runs, in order. */
export function filterReduceDispatch(
  kernel: Pick<FilterGradientKernel, "dw" | "workspace" | "parts">,
): Dispatch | undefined {
  const { dw, workspace, parts } = kernel;
  if (!workspace) return undefined;
  const wide = dw.length % 4 === 0 && dw.offset % 4 === 0;
  const shader = new ShaderWriter(wide ? ["arena", "gradient"] : []);
  const target = shader.operand("dw", dw);
  const source = shader.operand("workspace", workspace);
  const runs = shader.place("runs", parts);
  const count = wide ? dw.length / 4 : dw.length;
  const threads = 64;
  return shader.dispatch(
    "filter-reduce",
    [threads, 1],
    [Math.ceil(count / threads), 1, 1],
    workspace.length,
    `
let index = group.x * ${threads}u + lane;
if (index < ${count}u) {
  var total = gradient[${target.base} + index];
  for (var run = 0u; run < ${runs}; run++) { total += arena[${source.base} + run * ${count}u + index]; }
  gradient[${target.base} + index] = total;
}`,
  );
}
