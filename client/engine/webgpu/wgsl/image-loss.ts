import type { HeadKernel } from "../../program/kernels/head.ts";
import { scalarAt } from "./channels.ts";
import { addDivergence, addExponentials } from "./divergence.ts";
import type { LossPlace } from "./loss.ts";
import type { ShaderWriter } from "./shader.ts";

/**
 * Statements: the image's loss and agreement; the student's `logits` become the loss' gradient.
 *
 * Names in scope: `image`, `lane`, and in shared memory `logits` (the student's, then the teacher's)
 * and, of several invocations, `shares` (a `vec4f` each).
 */
export function lossOfImage(
  shader: ShaderWriter,
  { classes, teacher, dLogits, workspace }: HeadKernel,
  { targets }: LossPlace,
  threads: number,
): string {
  const gradients = shader.operand("d_logits", dLogits);
  const results = shader.operand("results_of_images", workspace);
  const { settings } = shader;
  const probability = (): string => {
    const given = shader.memory("targets", "input", targets);
    return `bitcast<f32>(${scalarAt(given, `image * ${classes}u + k`)})`;
  };
  const divergence = {
    logit: "logits[k]",
    given: teacher ? `logits[${classes}u + k]` : probability(),
    fromLogits: teacher !== undefined,
    share: `${settings}.share`,
  };
  const eachClass = (body: string): string =>
    `for (var k = lane; k < ${classes}u; k += ${threads}u) { ${body} }`;
  return `
var own = vec4f();
${eachClass(`let z = logits[k];
let given = ${divergence.given};
if (k == lane || z > own.x) { own.x = z; own.y = f32(k); }
if (k == lane || given > own.z) { own.z = given; own.w = f32(k); }`)}
var best = vec4f();
${eachShare(threads, classes, "own", `${better("x", "y")}\n${better("z", "w")}`)}
let temperature = ${settings}.temperature;
let largest = best.x;
let target_largest = best.z;
var sum = 0.0;
var target_sum = 0.0;
${eachClass(addExponentials(divergence))}
var sums = vec4f();
${eachShare(threads, classes, "vec4f(sum, target_sum, 0.0, 0.0)", "sums += share;")}
let log_sum = log(sums.x);
let target_log_sum = log(sums.y);
var loss = 0.0;
${eachClass(`${addDivergence(divergence)}
logits[k] = gradient;
${scalarAt(gradients, `image * ${classes}u + k`)} = gradient;`)}
var image_loss = 0.0;
${eachShare(threads, classes, "vec4f(loss, 0.0, 0.0, 0.0)", "image_loss += share.x;")}
if (lane == 0u) {
  ${scalarAt(results, "2u * image")} = image_loss;
  ${scalarAt(results, "2u * image + 1u")} = select(0.0, 1.0, best.y == best.w);
}`;
}

/** Statements: takes `share` for the best so far; of equal values the first, whoever finds it. */
function better(value: "x" | "z", place: "y" | "w"): string {
  return `if (lane_of_share == 0u || share.${value} > best.${value} ||
  (share.${value} == best.${value} && share.${place} < best.${place})) {
  best.${value} = share.${value}; best.${place} = share.${place};
}`;
}

/**
 * Statements: `body` with every invocation's `value` as `share`, in the order of `lane`, by all of
 * them alike. `value` is a `vec4f` of those whose `lane` is below `count`.
 */
function eachShare(threads: number, count: number, value: string, body: string): string {
  if (threads === 1) return `{ let lane_of_share = 0u; let share = ${value};\n${body} }`;
  return `shares[lane] = ${value};
workgroupBarrier();
for (var lane_of_share = 0u; lane_of_share < ${Math.min(threads, count)}u; lane_of_share++) {
  let share = shares[lane_of_share];
  ${body}
}
workgroupBarrier();`;
}
