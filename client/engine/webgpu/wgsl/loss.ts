import type { LossKernel } from "../../program/kernels/head.ts";
import { scalarAt } from "./channels.ts";
import { declareRow } from "./copies.ts";
import { addDivergence, addExponentials } from "./divergence.ts";
import { RESULT_LENGTH } from "./results.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

const THREADS = 32;

/** Where a micro-batch finds answers that no teacher gives, and which micro-batch it is. */
export interface LossPlace {
  /** The host's probabilities, in words of the input. */
  readonly targets: number;
  /** The teacher's logits from an earlier pass, in floats of the arena. */
  readonly answers: number;
  /** Whether the step's result begins here. */
  readonly first: boolean;
}

/**
 * The step's result: expressions for Σ loss and the number of images that agree, then perhaps both of
 * copies, and statements that declare `total`, what they are before this micro-batch.
 */
export function resultEntries(
  shader: ShaderWriter,
  { first }: LossPlace,
  count: 2 | 4 = 2,
): { before: string; entries: readonly string[] } {
  const results = shader.memory("results", "results", 0);
  const begins = shader.place("begins", first ? 1 : 0);
  const at = `${shader.settings}.slot * ${RESULT_LENGTH}u`;
  const entries = Array.from({ length: count }, (_, i) => scalarAt(results, `${at} + ${i}u`));
  const before = `var total = vec${count}f();
if (${begins} == 0u) { total = vec${count}f(${entries.join(", ")}); }`;
  return { before, entries };
}

/**
 * KL and its gradient, one invocation to an image; images are added to the result in order, copies by
 * themselves. A class of probability 0 adds nothing to the loss.
 */
export function lossDispatch(kernel: LossKernel, place: LossPlace): Dispatch {
  const { images, classes, rows, purpose } = kernel;
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const student = shader.operand("student_logits", kernel.student);
  const given = answerOf(shader, kernel, place, rows ? "own_row" : "row");
  const dLogits = shader.operand("d_logits", kernel.dLogits);
  const count = shader.place("images", images);
  const at = `row * ${classes}u + k`;
  const z = scalarAt(student, at);
  const share = rows
    ? `select(${settings}.share, ${settings}.copy_share, is_copy)`
    : `${settings}.share`;
  const divergence = {
    logit: z,
    given,
    fromLogits: kernel.given === "logits",
    share: purpose === "ascent" ? `${settings}.ascent_share` : share,
  };
  const { before, note, sum, after } =
    purpose === "training" ? sumsOf(shader, rows !== undefined, count, place) : NO_RESULT;
  const eachClass = (body: string): string => `for (var k = 0u; k < ${classes}u; k++) { ${body} }`;
  return shader.dispatch(
    "loss",
    [THREADS, 1],
    [1, 1, 1],
    20 * images * classes,
    `
${before}
let temperature = ${purpose === "ascent" ? "1.0" : `${settings}.temperature`};
for (var start = 0u; start < ${count}; start += ${THREADS}u) {
  let row = start + lane;
  if (row < ${count}) {
    ${rows ? declareRow(rows) : ""}
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
    ${eachClass(addExponentials(divergence))}
    let log_sum = log(sum);
    let target_log_sum = log(target_sum);
    var loss = 0.0;
    ${eachClass(`${addDivergence(divergence)}
    ${scalarAt(dLogits, at)} = gradient;`)}
    ${note}
  }
  ${sum}
}
${after}`,
  );
}

/** Expression: what a row of the teacher, or of what stands for it, has of class `k`. */
function answerOf(
  shader: ShaderWriter,
  { classes, teacher, given }: LossKernel,
  { targets, answers }: LossPlace,
  row: string,
): string {
  const at = `${row} * ${classes}u + k`;
  if (teacher) return scalarAt(shader.operand("teacher_logits", teacher), at);
  if (given === "logits") return scalarAt(shader.memory("answers", "arena", answers), at);
  return `bitcast<f32>(${scalarAt(shader.memory("targets", "input", targets), at)})`;
}

/** Statements around the images that bring their losses together. */
interface ResultSums {
  readonly before: string;
  /** For an image. */
  readonly note: string;
  /** For all images of the workgroup. */
  readonly sum: string;
  readonly after: string;
}

const NO_RESULT: ResultSums = { before: "", note: "", sum: "", after: "" };

function sumsOf(
  shader: ShaderWriter,
  withCopies: boolean,
  count: string,
  place: LossPlace,
): ResultSums {
  const { before, entries } = resultEntries(shader, place, withCopies ? 4 : 2);
  const one = "vec2f(loss, select(0.0, 1.0, answer == target_answer))";
  const noted = withCopies
    ? `select(vec4f(${one}, 0.0, 0.0), vec4f(0.0, 0.0, ${one}), is_copy)`
    : one;
  shader.shared("losses", `array<vec${entries.length}f, ${THREADS}>`);
  const writes = entries.map((entry, i) => `${entry} = total.${"xyzw"[i]};`);
  return {
    before,
    note: `losses[lane] = ${noted};`,
    sum: `workgroupBarrier();
  if (lane == 0u) {
    for (var i = 0u; i < min(${THREADS}u, ${count} - start); i++) { total += losses[i]; }
  }
  workgroupBarrier();`,
    after: `if (lane == 0u) { ${writes.join(" ")} }`,
  };
}
