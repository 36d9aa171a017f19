import type { AdversarySettings } from "../../engine.ts";
import type { CollectAscentKernel, CopyRows, PerturbKernel } from "../../program/copy-kernels.ts";
import type { Operand } from "../../program/program.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { ShaderWriter, type Dispatch, type Memory } from "./shader.ts";

/** Perturbed copies and the ascent of perturbations, see `program/copy-kernels.ts`. */

/** Somewhere in memory, in floats. */
interface FloatPlace {
  readonly memory: Memory;
  readonly offset: number;
}

/** Where a micro-batch finds what outlives its program. */
export interface CopyPlace {
  /** Of its first copy, or of the one δ. */
  readonly perturbation: FloatPlace;
  /** Whether that is not written yet, and counts as zero. */
  readonly fresh: boolean;
  /** Sum of the gradients, in the arena: of its first copy, or the one. */
  readonly ascent: number;
  /** Whether no micro-batch has added to the sum yet. */
  readonly first: boolean;
}

/**
 * Statements for a `row` of a pass with copies: `norm_group`, `row_in_group`, `is_copy`, and `own_row`
 * of the batch.
 */
export function declareRow({ groupSize, clean, copies }: CopyRows): string {
  return `let norm_group = row / ${clean + copies}u;
let row_in_group = row % ${clean + copies}u;
let is_copy = row_in_group >= ${clean}u;
let own_row = norm_group * ${groupSize}u + select(row_in_group, row_in_group - ${clean}u, is_copy);`;
}

/** Images, then copies with δ, norm group by norm group. */
export function perturbDispatch(kernel: PerturbKernel, place: CopyPlace): Dispatch {
  const { rows, imageLength, perImage, perturbed } = kernel;
  const shader = new ShaderWriter([]);
  const images = shader.operand("images", kernel.images);
  const target = shader.operand("perturbed", perturbed);
  const { memory, offset } = place.perturbation;
  const delta = shader.memory("delta", memory, offset);
  const fresh = shader.place("fresh", place.fresh ? 1 : 0);
  const copy = `(norm_group * ${rows.copies}u + row_in_group - ${rows.clean}u)`;
  const at = perImage ? `${copy} * ${imageLength}u + place` : "place";
  return flat(
    shader,
    "perturb",
    perturbed.length,
    3 * perturbed.length,
    `let row = index / ${imageLength}u;
  let place = index % ${imageLength}u;
  ${declareRow(rows)}
  var value = ${scalarAt(images, `own_row * ${imageLength}u + place`)};
  if (is_copy && ${fresh} == 0u) { value += ${scalarAt(delta, at)}; }
  ${scalarAt(target, "index")} = value;`,
  );
}

/** The copies' gradients onto the sums, copy after copy. */
export function collectAscentDispatch(
  kernel: CollectAscentKernel,
  normGroups: number,
  { ascent, first }: CopyPlace,
): Dispatch {
  const { rows, imageLength, perImage } = kernel;
  const { clean, copies } = rows;
  const shader = new ShaderWriter([]);
  const gradient = shader.operand("image_gradient", kernel.gradient);
  const target = scalarAt(shader.memory("ascent", "arena", ascent), "index");
  const cost = 2 * kernel.gradient.length;
  if (perImage) {
    const copiesInAll = normGroups * copies;
    const row = `(copy / ${copies}u * ${clean + copies}u + ${clean}u + copy % ${copies}u)`;
    return flat(
      shader,
      "collect-ascents",
      copiesInAll * imageLength,
      cost,
      `let copy = index / ${imageLength}u;
  ${target} = ${scalarAt(gradient, `${row} * ${imageLength}u + index % ${imageLength}u`)};`,
    );
  }
  const begins = shader.place("begins", first ? 1 : 0);
  const groups = shader.place("norm_groups", normGroups);
  const row = `(norm_group * ${clean + copies}u + ${clean}u + copy)`;
  return flat(
    shader,
    "collect-ascent",
    imageLength,
    cost,
    `var sum = 0.0;
  if (${begins} == 0u) { sum = ${target}; }
  for (var norm_group = 0u; norm_group < ${groups}; norm_group++) {
    for (var copy = 0u; copy < ${copies}u; copy++) {
      sum += ${scalarAt(gradient, `${row} * ${imageLength}u + index`)};
    }
  }
  ${target} = sum;`,
  );
}

/** Keeps the teacher's logits of a micro-batch for later programs. */
export function keepAnswersDispatch(logits: Operand, answers: number): Dispatch {
  const shader = new ShaderWriter([]);
  const from = shader.operand("logits", logits);
  const to = shader.memory("answers", "arena", answers);
  const { length } = logits;
  const body = `${scalarAt(to, "index")} = ${scalarAt(from, "index")};`;
  return flat(shader, "keep-answers", length, 2 * length, body);
}

/** Invocations of a workgroup that takes the length of an image, where several work together. */
const THREADS = 256;

/** δ ← Π(δ + stepLength·ĝ), a workgroup to a perturbation. */
export function ascendDispatch(
  norm: AdversarySettings["norm"],
  count: number,
  imageLength: number,
  { perturbation, fresh, ascent }: Omit<CopyPlace, "first">,
  cooperation: Cooperation,
): Dispatch {
  const threads = cooperation.threads > 1 ? THREADS : 1;
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const { memory, offset } = perturbation;
  const at = `group.x * ${imageLength}u + i`;
  const delta = scalarAt(shader.memory("delta", memory, offset), at);
  const gradient = scalarAt(shader.memory("ascent", "arena", ascent), at);
  const before = `select(${delta}, 0.0, ${shader.place("fresh", fresh ? 1 : 0)} == 1u)`;
  const each = (body: string): string =>
    `for (var i = lane; i < ${imageLength}u; i += ${threads}u) { ${body} }`;
  const size = [count, 1, 1] as const;
  const cost = 8 * count * imageLength;
  if (norm === "linf") {
    const moved = `${before} + ${settings}.step_length * sign(${gradient})`;
    const body = each(`${delta} = clamp(${moved}, -${settings}.radius, ${settings}.radius);`);
    return shader.dispatch("ascend-in-box", [threads, 1], size, cost, body);
  }
  if (threads > 1) shader.shared("shares", `array<f32, ${threads}>`);
  const together = (name: string, combine: (a: string, b: string) => string): string =>
    threads === 1
      ? ""
      : `shares[lane] = ${name};
workgroupBarrier();
${name} = shares[0];
for (var t = 1u; t < ${threads}u; t++) { ${name} = ${combine(name, "shares[t]")}; }
workgroupBarrier();`;
  const body = `
var largest = 0.0;
${each(`largest = max(largest, abs(${gradient}));`)}
${together("largest", (a, b) => `max(${a}, ${b})`)}
// Squares of what is small would vanish. A gradient of zero moves nothing.
let unit = select(1.0, largest, largest > 0.0);
var squares = 0.0;
${each(`let part = ${gradient} / unit; squares += part * part;`)}
${together("squares", (a, b) => `${a} + ${b}`)}
let rate = ${settings}.step_length / sqrt(max(squares, 1.0));
var moved_squares = 0.0;
${each(`let moved = ${before} + rate * (${gradient} / unit);
${delta} = moved;
moved_squares += moved * moved;`)}
${together("moved_squares", (a, b) => `${a} + ${b}`)}
let length = sqrt(moved_squares);
if (length > ${settings}.radius) {
  let shrink = ${settings}.radius / length;
  ${each(`${delta} = ${delta} * shrink;`)}
}`;
  return shader.dispatch("ascend-in-ball", [threads, 1], size, cost, body);
}
