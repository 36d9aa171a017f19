import type {
  DepthwiseFilterGradientKernel,
  DepthwiseGeometry,
} from "../../program/kernels/depthwise.ts";
import { forwardWalk } from "../../program/kernels/window-taps.ts";
import {
  allChannels,
  declareAffine,
  loadQuad,
  quadsOf,
  readingOf,
  storeQuad,
  wideRegions,
} from "./channels.ts";
import { lanesOf, type Cooperation } from "./cooperation.ts";
import { ShaderWriter, unroll, type Dispatch } from "./shader.ts";
import { declarePlace, eachProduct, stripsOf, type Strips } from "./strips.ts";

/** Fewest strips of a run for each of its invocations. */
const SHORTEST_RUN = 4;

function stripsOfGeometry({ vertical, horizontal }: DepthwiseGeometry): Strips {
  return stripsOf(vertical.output, horizontal.output, 1);
}

/** Workgroups side by side that give all sums of one run. */
function quadTilesOf(channels: number, cooperation: Cooperation): number {
  return Math.ceil(quadsOf(channels) / lanesOf(channels, cooperation).quads);
}

/** Runs of one norm group's output positions that are summed each by itself. */
export function depthwiseFilterParts(
  geometry: DepthwiseGeometry,
  groupSize: number,
  cooperation: Cooperation,
  workgroups: number,
): number {
  const { rows } = lanesOf(geometry.channels, cooperation);
  const strips = groupSize * stripsOfGeometry(geometry).ofImage;
  const most = Math.max(1, Math.floor(strips / (SHORTEST_RUN * rows)));
  return Math.min(most, Math.ceil(workgroups / quadTilesOf(geometry.channels, cooperation)));
}

/**
 * One sum for each run of strips, to the workspace; of a single run straight onto dw. Rows of the window
 * follow each other, each over the whole run, which is short enough for the nearest caches.
 */
export function depthwiseFilterGradientDispatch(
  kernel: DepthwiseFilterGradientKernel,
  groupSize: number,
  cooperation: Cooperation,
): Dispatch {
  const { geometry, dw, workspace, parts } = kernel;
  const { images, channels, vertical, horizontal } = geometry;
  const inArena = [kernel.x.values, kernel.x.affine?.coefficients, kernel.dy, workspace];
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channels),
    ...(workspace ? [] : wideRegions([dw], channels)),
  ]);
  const source = readingOf(shader, "x", kernel.x);
  const dy = shader.operand("dy", kernel.dy);
  const target = shader.operand("dw", workspace ?? dw);
  const run = allChannels(channels);
  const strips = stripsOfGeometry(geometry);
  const lanes = lanesOf(channels, cooperation);
  const quads = quadsOf(channels);
  const taps = vertical.kernel * horizontal.kernel;
  const runsOfGroup = (parts * groupSize) / images;
  const groupStrips = groupSize * strips.ofImage;
  const runLength = Math.ceil(groupStrips / runsOfGroup);
  const walk = forwardWalk(horizontal);
  const together = lanes.rows > 1;
  if (together) shader.shared("filter_sums", `array<vec4f, ${lanes.quads * lanes.rows}>`);

  const eachTap = (piece: (tap: number) => string): string => unroll(horizontal.kernel, piece);
  const products = eachProduct(walk, strips.length, {
    source,
    run,
    line: "line",
    each: (result, tap) => `sum_${tap} += value * gradient_${result};`,
  });
  const store = (tap: number): string => {
    const place = `u32(tap_y) * ${horizontal.kernel}u + ${tap}u`;
    const at = workspace ? `group.y * ${taps}u + ${place}` : place;
    const old = workspace ? "" : `${loadQuad(target, run, at, "quad")} + `;
    return `let total = ${old}sum; ${storeQuad(target, run, at, "quad", "total")}`;
  };
  const finish = (tap: number): string =>
    together
      ? `workgroupBarrier();
filter_sums[lane] = sum_${tap};
workgroupBarrier();
if (local.y == 0u && quad < ${quads}u) {
  var sum = vec4f();
  for (var t = 0u; t < ${lanes.rows}u; t++) { sum += filter_sums[t * ${lanes.quads}u + local.x]; }
  ${store(tap)}
}`
      : `if (quad < ${quads}u) { let sum = sum_${tap}; ${store(tap)} }`;
  const body = `
let norm_group = group.y / ${runsOfGroup}u;
let run_start = min(group.y % ${runsOfGroup}u * ${runLength}u, ${groupStrips}u);
let run_end = min(run_start + ${runLength}u, ${groupStrips}u);
let quad = group.x * ${lanes.quads}u + local.x;
${declareAffine("source", source, run, "norm_group", "quad")}
for (var tap_y = 0i; tap_y < ${vertical.kernel}; tap_y++) {
${eachTap((tap) => `var sum_${tap} = vec4f();`)}
if (quad < ${quads}u) {
  for (var own = run_start + local.y; own < run_end; own += ${lanes.rows}u) {
    let strip = norm_group * ${groupStrips}u + own;
    ${declarePlace(strips, "strip")}
    let y = i32(row) * ${vertical.stride} - ${vertical.before} + tap_y * ${vertical.dilation};
    if (y >= 0 && y < ${vertical.input}) {
      let line = (i32(image) * ${vertical.input} + y) * ${horizontal.input};
      let first_position = (image * ${strips.rows}u + row) * ${strips.width}u + across;
      let start = i32(across) * ${walk.advance};
      ${unroll(strips.length, (i) => {
        const stored = loadQuad(dy, run, `first_position + ${i}u`, "quad");
        return `let gradient_${i} = select(vec4f(), ${stored}, across + ${i}u < ${strips.width}u);`;
      })}
      ${products}
    }
  }
}
${eachTap(finish)}
}`;
  return shader.dispatch(
    "depthwise-filter-gradient",
    [lanes.quads, lanes.rows],
    [quadTilesOf(channels, cooperation), parts, 1],
    images * strips.ofImage * strips.length * channels * taps,
    body,
  );
}
