import type { NormGradientKernel } from "../../program/kernels/norm.ts";
import type { CombineKernel, GatherGradientKernel } from "../../program/kernels/rows.ts";
import {
  activateVariable,
  allChannels,
  applyAffine,
  declareAffine,
  loadQuad,
  quadsOf,
  readingOf,
  roundTo,
  storeQuad,
  wideRegions,
} from "./channels.ts";
import {
  applyEpilogue,
  declareActivated,
  epilogueOf,
  epilogueOperands,
  storeSums,
} from "./gradient-epilogue.ts";
import { lanesOf, rowRuns, type Cooperation } from "./cooperation.ts";
import { ShaderWriter, unroll, type Dispatch, type Tensor } from "./shader.ts";

/** Passes over `[rows, channels]` memory, position by position. */

interface Rowwise {
  readonly label: string;
  /** Of all images. */
  readonly rows: number;
  readonly channels: number;
  readonly normGroups: number;
  readonly cooperation: Cooperation;
  /** Statements before the rows: what depends on `norm_group` and `quad` only. */
  readonly before: string;
  /** Statements for a `position`; adds to `first` and `second` where sums are wanted. */
  readonly each: string;
  readonly sums: RowSums | undefined;
  readonly cost: number;
}

export interface RowSums {
  readonly out: Tensor;
  /** Rows of a norm group that are summed, its first; all when left out. */
  readonly rows?: number;
}

export function rowwise(shader: ShaderWriter, pass: Rowwise): Dispatch {
  const { label, rows, channels, normGroups, cooperation, before, each, sums, cost } = pass;
  const lanes = lanesOf(channels, cooperation);
  const groupRows = rows / normGroups;
  const runs = rowRuns(groupRows, channels, cooperation);
  const runLength = lanes.rows * cooperation.rowsEach;
  const quads = quadsOf(channels);
  const threads = lanes.quads * lanes.rows;
  const run = allChannels(channels);
  const sumRuns = rowRuns(sums?.rows ?? groupRows, channels, cooperation);
  const writes = `quad < ${quads}u${sumRuns < runs ? ` && group.y < ${sumRuns}u` : ""}`;
  const write = (sum: string): string =>
    sums
      ? storeSums(sums.out, run, `(norm_group * ${sumRuns}u + group.y) * 2u`, "quad", [
          `first${sum}`,
          `second${sum}`,
        ])
      : "";
  const together = sums && lanes.rows > 1;
  if (together) shader.shared("channel_sums", `array<vec4f, ${2 * threads}>`);
  const reduce = together
    ? `
channel_sums[2u * lane] = first;
channel_sums[2u * lane + 1u] = second;
workgroupBarrier();
if (local.y == 0u && ${writes}) {
  var first_sum = vec4f();
  var second_sum = vec4f();
  for (var t = 0u; t < ${lanes.rows}u; t++) {
    first_sum += channel_sums[2u * (t * ${lanes.quads}u + local.x)];
    second_sum += channel_sums[2u * (t * ${lanes.quads}u + local.x) + 1u];
  }
  ${write("_sum")}
}`
    : `if (${writes}) { ${write("")} }`;
  return shader.dispatch(
    label,
    [lanes.quads, lanes.rows],
    [Math.ceil(quads / lanes.quads), runs, normGroups],
    cost,
    `
let norm_group = group.z;
let quad = group.x * ${lanes.quads}u + local.x;
${before}
${sums ? "var first = vec4f(); var second = vec4f();" : ""}
let run_end = min((group.y + 1u) * ${runLength}u, ${groupRows}u);
if (quad < ${quads}u) {
  for (var row = group.y * ${runLength}u + local.y; row < run_end; row += ${lanes.rows}u) {
    let position = norm_group * ${groupRows}u + row;
    ${each}
  }
}
${reduce}`,
  );
}

/** y = f(x + addend), and Σy, Σy² over clean rows. */
export function combineDispatch(
  kernel: CombineKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const { rows, channels, x, addend, activation, y, sums } = kernel;
  const operands = [x, addend].flatMap((read) => [read?.values, read?.affine?.coefficients]);
  const inArena = [...operands, y, sums?.operand].filter((one) => one?.region === "arena");
  const teacher = operands.filter((one) => one?.region === "teacher");
  const shader = new ShaderWriter([
    ...wideRegions(inArena, channels),
    ...wideRegions(teacher, channels),
  ]);
  const run = allChannels(channels);
  const terms = [x, addend]
    .filter((read) => read !== undefined)
    .map((read, i) => {
      const name = `term_${i}`;
      const reading = readingOf(shader, name, read);
      const stored = loadQuad(reading.values, run, "position", "quad");
      return {
        before: declareAffine(name, reading, run, "norm_group", "quad"),
        value: applyAffine(name, reading, stored),
      };
    });
  const target = y && shader.operand("y", y);
  const sumsTensor = sums && shader.operand("sums", sums.operand);
  const sum = "first += value; second += value * value;";
  const summed =
    sums && sums.cleanRows < rows / normGroups ? `if (row < ${sums.cleanRows}u) { ${sum} }` : sum;
  return rowwise(shader, {
    label: "combine",
    rows,
    channels,
    normGroups,
    cooperation,
    before: terms.map(({ before }) => before).join("\n"),
    each: `var value = ${terms.map(({ value }) => value).join(" + ")};
${activateVariable(shader, activation, "value")}
${sums && target ? roundTo(target, "value") : ""}
${target ? storeQuad(target, run, "position", "quad", "value") : ""}
${sums ? summed : ""}`,
    sums: sumsTensor && { out: sumsTensor, rows: sums!.cleanRows },
    cost: 3 * rows * channels,
  });
}

/** g = epilogue(dy). */
export function gatherGradientDispatch(
  kernel: GatherGradientKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const { rows, channels, positions, dy, broadcast, g, epilogue } = kernel;
  const operands = [dy, g, ...epilogueOperands(epilogue)];
  const shader = new ShaderWriter(wideRegions(operands, channels));
  const run = allChannels(channels);
  const source = shader.operand("dy", dy);
  const target = g && shader.operand("g", g);
  const shaderEpilogue = epilogueOf(shader, epilogue);
  const value = broadcast
    ? `${loadQuad(source, run, `position / ${positions}u`, "quad")} / ${positions}.0`
    : loadQuad(source, run, "position", "quad");
  return rowwise(shader, {
    label: "gather-gradient",
    rows,
    channels,
    normGroups,
    cooperation,
    before: declareActivated(shaderEpilogue, "mask", run, "quad"),
    each: `var value = ${value};
${applyEpilogue(shaderEpilogue, target, "mask", run, "quad", ["first", "second"])}
${target ? storeQuad(target, run, "position", "quad", "value") : ""}`,
    sums: shaderEpilogue.sums,
    cost: 4 * rows * channels,
  });
}

/** dz = a·g + b·z + d; of copies a·g. */
export function normGradientDispatch(
  kernel: NormGradientKernel,
  normGroups: number,
  cooperation: Cooperation,
): Dispatch {
  const { rows, cleanRows, channels, g, z, factors, dz } = kernel;
  const shader = new ShaderWriter(wideRegions([g, z, factors, dz], channels));
  const run = allChannels(channels);
  const gradient = shader.operand("g", g);
  const input = shader.operand("z", z);
  const factor = shader.operand("factors", factors);
  const target = shader.operand("dz", dz);
  const slope = `factor_0 * ${loadQuad(gradient, run, "position", "quad")}`;
  const rest = `factor_1 * ${loadQuad(input, run, "position", "quad")} + factor_2`;
  const value =
    cleanRows === rows / normGroups
      ? `let value = ${slope} + ${rest};`
      : `var value = ${slope};\nif (row < ${cleanRows}u) { value += ${rest}; }`;
  return rowwise(shader, {
    label: "norm-gradient",
    rows,
    channels,
    normGroups,
    cooperation,
    before: unroll(
      3,
      (i) => `let factor_${i} = ${loadQuad(factor, run, `norm_group * 3u + ${i}u`, "quad")};`,
    ),
    each: `${value}
${storeQuad(target, run, "position", "quad", "value")}`,
    sums: undefined,
    cost: 3 * rows * channels,
  });
}
