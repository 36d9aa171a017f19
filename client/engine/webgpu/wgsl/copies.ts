import type { AdversarySettings, LowFrequencySettings } from "../../adversary-settings.ts";
import type { CollectAscentKernel, CopyRows, PerturbKernel } from "../../program/kernels/copies.ts";
import type { Operand } from "../../program/operands.ts";
import { imageLengthOf, type WarpShape } from "../../host/warp-field.ts";
import { ascendInBall, ascentThreads, eachValue } from "./ball-ascent.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { stretchOf, type ProjectionPlace } from "./low-frequencies.ts";
import { ShaderWriter, type Dispatch, type FloatPlace, type Tensor } from "./shader.ts";
import { bilinear, declareSample, type WarpPlace } from "./warp.ts";

/** Perturbed copies and the ascent of perturbations, see `program/kernels/copies.ts`. */

/** Where a micro-batch finds what outlives its program. */
export interface CopyPlace {
  /** Of its first copy, or of the one δ. */
  readonly perturbation: FloatPlace;
  /** Whether that is not written yet, and counts as zero. */
  readonly fresh: boolean;
  /** What is added to all copies besides; undefined where nothing is. */
  readonly pattern: FloatPlace | undefined;
  /** Sum of the gradients, in the arena: of its first copy, or the one. */
  readonly ascent: number;
  /** Whether no micro-batch has added to the sums yet. */
  readonly first: boolean;
  /** Undefined where nothing warps. */
  readonly warp: WarpPlace | undefined;
  /** Undefined where low frequencies are as all others. */
  readonly low: ProjectionPlace | undefined;
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

/** Images, then copies with δ or warped (`isWarped`), and the pattern, norm group by norm group. */
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
  const warped = kernel.warp ? warpedValue(shader, kernel.warp, images, place.warp!) : "";
  const patterned = kernel.patterned ? patternedValue(shader, place.pattern!) : "";
  return flat(
    shader,
    "perturb",
    perturbed.length,
    3 * perturbed.length,
    `let row = index / ${imageLength}u;
  let place = index % ${imageLength}u;
  ${declareRow(rows)}
  var value = ${scalarAt(images, `own_row * ${imageLength}u + place`)};
  ${kernel.warp ? `let is_warped = is_copy && (row_in_group - ${rows.clean}u) % 2u == 1u;` : "let is_warped = false;"}
  ${warped}
  if (is_copy && !is_warped && ${fresh} == 0u) { value += ${scalarAt(delta, at)}; }
  ${patterned}
  ${scalarAt(target, "index")} = value;`,
  );
}

/** A statement: what is added to every copy. */
function patternedValue(shader: ShaderWriter, { memory, offset }: FloatPlace): string {
  return `if (is_copy) { value += ${scalarAt(shader.memory("pattern", memory, offset), "place")}; }`;
}

/** Statements: of a warped copy, `value` comes from where the field leads. */
function warpedValue(
  shader: ShaderWriter,
  shape: WarpShape,
  images: Tensor,
  { field }: WarpPlace,
): string {
  const { channels } = shape.image;
  const displacements = shader.memory("field", field.memory, field.offset);
  const length = imageLengthOf(shape.image);
  const from = `own_row * ${length}u + place % ${channels}u`;
  return `if (is_warped) {
    let pixel = place / ${channels}u;
    ${declareSample(displacements, shape)}
    value = ${bilinear((corner) => scalarAt(images, `${from} + ${corner}`))};
  }`;
}

/** The gradients of copies that δ is added to onto the sums, copy after copy. */
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
    for (var copy = 0u; copy < ${copies}u; copy += ${kernel.warp ? 2 : 1}u) {
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

/** How perturbations ascend. */
export interface AscentShape {
  readonly norm: AdversarySettings["norm"];
  /** Perturbations there are; one where low frequencies are stretched. */
  readonly count: number;
  readonly imageLength: number;
  readonly lowFrequencies: LowFrequencySettings | undefined;
}

/** δ ← Π(δ + stepLength·ĝ), a workgroup to a perturbation. */
export function ascendDispatch(
  { norm, count, imageLength, lowFrequencies }: AscentShape,
  place: Pick<CopyPlace, "perturbation" | "fresh" | "ascent" | "low">,
  cooperation: Cooperation,
): Dispatch {
  const { perturbation, fresh, ascent, low } = place;
  const threads = ascentThreads(cooperation);
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const { memory, offset } = perturbation;
  const at = `group.x * ${imageLength}u + i`;
  const delta = scalarAt(shader.memory("delta", memory, offset), at);
  const gradient = scalarAt(shader.memory("ascent", "arena", ascent), at);
  const before = `select(${delta}, 0.0, ${shader.place("fresh", fresh ? 1 : 0)} == 1u)`;
  const size = [count, 1, 1] as const;
  const cost = 8 * count * imageLength;
  const radius = `${settings}.radius`;
  const step = `${settings}.step_length`;
  if (norm === "linf") {
    const moved = `${before} + ${step} * sign(${gradient})`;
    const body = eachValue(
      imageLength,
      threads,
      `${delta} = clamp(${moved}, -${radius}, ${radius});`,
    );
    return shader.dispatch("ascend-in-box", [threads, 1], size, cost, body);
  }
  const stretch = lowFrequencies && low && stretchOf(shader, lowFrequencies, low, imageLength);
  const ascending = { length: imageLength, value: delta, before, gradient, radius, step, stretch };
  const body = ascendInBall(shader, ascending, threads);
  return shader.dispatch("ascend-in-ball", [threads, 1], size, cost, body);
}
