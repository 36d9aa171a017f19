import type { LossKernel } from "../../program/program.ts";
import { scalarAt } from "./channels.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

const THREADS = 32;

/** Floats of one entry of the ring of results: Σ loss and the number of images that agree. */
export const RESULT_LENGTH = 2;

/** Where the host's probabilities of a micro-batch are in the input, and which micro-batch it is. */
export interface LossPlace {
  /** In words. */
  readonly targets: number;
  /** Whether the step's result begins here. */
  readonly first: boolean;
}

/**
 * KL and its gradient, one invocation to an image; images are added to the result in order. A class
 * of probability 0 adds nothing to the loss.
 */
export function lossDispatch(kernel: LossKernel, { targets, first }: LossPlace): Dispatch {
  const { images, classes, teacher } = kernel;
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const student = shader.operand("student_logits", kernel.student);
  const target = teacher
    ? shader.operand("teacher_logits", teacher)
    : shader.memory("targets", "input", targets);
  const dLogits = shader.operand("d_logits", kernel.dLogits);
  const results = shader.memory("results", "results", 0);
  const count = shader.place("images", images);
  const begins = shader.place("begins", first ? 1 : 0);
  shader.shared("losses", `array<vec2f, ${THREADS}>`);
  const at = `row * ${classes}u + k`;
  const z = scalarAt(student, at);
  const given = teacher ? scalarAt(target, at) : `bitcast<f32>(${scalarAt(target, at)})`;
  const entry = (i: 0 | 1): string =>
    scalarAt(results, `${settings}.slot * ${RESULT_LENGTH}u + ${i}u`);
  const eachClass = (body: string): string => `for (var k = 0u; k < ${classes}u; k++) { ${body} }`;
  return shader.dispatch(
    "loss",
    [THREADS, 1],
    [1, 1, 1],
    20 * images * classes,
    `
var total = vec2f();
if (lane == 0u && ${begins} == 0u) { total = vec2f(${entry(0)}, ${entry(1)}); }
let temperature = ${settings}.temperature;
for (var start = 0u; start < ${count}; start += ${THREADS}u) {
  let row = start + lane;
  if (row < ${count}) {
    var largest = ${scalarAt(student, `row * ${classes}u`)};
    var answer = 0u;
    var target_largest = ${given.replaceAll(" + k", "")};
    var target_answer = 0u;
    ${eachClass(`let z = ${z};
    let given = ${given};
    if (z > largest) { largest = z; answer = k; }
    if (given > target_largest) { target_largest = given; target_answer = k; }`)}
    var sum = 0.0;
    var target_sum = 0.0;
    ${eachClass(`sum += exp((${z} - largest) / temperature);
    ${teacher ? `target_sum += exp((${given} - target_largest) / temperature);` : ""}`)}
    let log_sum = log(sum);
    let target_log_sum = log(target_sum);
    var loss = 0.0;
    ${eachClass(`let log_q = (${z} - largest) / temperature - log_sum;
    ${
      teacher
        ? `let log_p = (${given} - target_largest) / temperature - target_log_sum;
    let p = exp(log_p);`
        : `let p = ${given};
    let log_p = log(p);`
    }
    if (p > 0.0) { loss += p * (log_p - log_q); }
    ${scalarAt(dLogits, at)} = (exp(log_q) - p) / temperature * ${settings}.share;`)}
    losses[lane] = vec2f(loss, select(0.0, 1.0, answer == target_answer));
  }
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 0u; i < min(${THREADS}u, ${count} - start); i++) { total += losses[i]; }
  }
  workgroupBarrier();
}
if (lane == 0u) { ${entry(0)} = total.x; ${entry(1)} = total.y; }`,
  );
}
