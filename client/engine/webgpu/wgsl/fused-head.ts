import type { HeadKernel, PooledLogits } from "../../program/kernels/head.ts";
import {
  allChannels,
  applyAffine,
  declareAffine,
  loadQuad,
  quadsOf,
  readingOf,
  scalarAt,
  storeQuad,
  wideRegions,
} from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { parameterGradients } from "./head.ts";
import { lossOfImage } from "./image-loss.ts";
import { resultEntries, type LossPlace } from "./loss.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

/**
 * Both networks' ends and the loss in two dispatches: image by image from the last feature maps to
 * the gradient of the pooled features, then the layer's gradients and the result over all images.
 */

/** What every device has of shared memory (WebGPU's least `maxComputeWorkgroupStorageSize`). */
const SHARED_BYTES = 16 * 1024;

/** Invocations of a workgroup that sums over images. */
const THREADS = 64;

/** Whether an image's pooled features and logits fit in the shared memory of any device. */
export function fitsShared(head: HeadKernel, { threads }: Cooperation): boolean {
  const vectors = featureQuads(head) + (threads > 1 ? threads : 0);
  return 16 * vectors + 4 * logitsLength(head) <= SHARED_BYTES;
}

function featureQuads({ student, teacher }: HeadKernel): number {
  return quadsOf(Math.max(student.channels, teacher?.channels ?? 0));
}

/** The student's logits, then the teacher's. */
function logitsLength({ classes, teacher }: HeadKernel): number {
  return teacher ? 2 * classes : classes;
}

/** Pooled features, logits, loss, and its gradient by the pooled features; a workgroup an image. */
export function headDispatch(
  head: HeadKernel,
  groupSize: number,
  place: LossPlace,
  { threads }: Cooperation,
): Dispatch {
  const { images, classes, student, teacher } = head;
  const shader = new ShaderWriter(wideParameters(head));
  shader.shared("features", `array<vec4f, ${featureQuads(head)}>`);
  shader.shared("logits", `array<f32, ${logitsLength(head)}>`);
  if (threads > 1) shader.shared("shares", `array<vec4f, ${threads}>`);
  const body = `
let image = group.x;
let norm_group = image / ${groupSize}u;
${teacher ? pooledLogits(shader, "teacher", teacher, head, threads) : ""}
${pooledLogits(shader, "student", student, head, threads)}
${lossOfImage(shader, head, place, threads)}
${featureGradient(shader, head, threads)}`;
  const ends = [student, ...(teacher ? [teacher] : [])];
  const pooled = ends.reduce((sum, { positions, channels }) => sum + positions * channels, 0);
  const multiplied = (ends.length + 1) * classes * student.channels;
  const cost = images * (pooled + multiplied + 20 * classes);
  return shader.dispatch("head", [threads, 1], [images, 1, 1], cost, body);
}

/** The arena is left out: single values of it are written. */
function wideParameters({ student, teacher }: HeadKernel): ReturnType<typeof wideRegions> {
  return [student, teacher].flatMap((end) => {
    const read = [end?.weight, end?.bias, end?.x.affine?.coefficients];
    const parameters = read.filter((operand) => operand?.region !== "arena");
    return wideRegions(parameters, end?.channels ?? 0);
  });
}

function barrier(threads: number): string {
  return threads > 1 ? "workgroupBarrier();" : "";
}

/** Statements: fills `features` and this network's `logits`; the student's go to memory too. */
function pooledLogits(
  shader: ShaderWriter,
  name: "student" | "teacher",
  { positions, channels, x, weight, bias }: PooledLogits,
  head: HeadKernel,
  threads: number,
): string {
  const { classes } = head;
  const quads = quadsOf(channels);
  const run = allChannels(channels);
  const reading = readingOf(shader, name, x);
  const weights = shader.operand(`${name}_weight`, weight);
  const biases = shader.operand(`${name}_bias`, bias);
  const kept = name === "student";
  const pooled = kept ? shader.operand("pooled", head.pooled) : undefined;
  const written = kept ? shader.operand("student_logits", head.logits) : undefined;
  const stored = loadQuad(reading.values, run, `image * ${positions}u + position`, "quad");
  const term = `features[quad] * ${loadQuad(weights, run, "k", "quad")}`;
  const finish = `let logit = (sum.x + sum.y) + (sum.z + sum.w) + ${scalarAt(biases, "k")};
logits[${kept ? "k" : `${classes}u + k`}] = logit;
${written ? `${scalarAt(written, `image * ${classes}u + k`)} = logit;` : ""}`;
  return `
for (var quad = lane; quad < ${quads}u; quad += ${threads}u) {
  ${declareAffine(name, reading, run, "norm_group", "quad")}
  var sum = vec4f();
  for (var position = 0u; position < ${positions}u; position++) {
    sum += ${applyAffine(name, reading, stored)};
  }
  let mean = sum / ${positions}.0;
  features[quad] = mean;
  ${pooled ? storeQuad(pooled, run, "image", "quad", "mean") : ""}
}
${barrier(threads)}
${products(quads, classes, threads, term, finish)}
${barrier(threads)}`;
}

/**
 * Statements: Σ over quads of `term` for each class `k`, in `sum`, then `finish`. Where there are
 * fewer classes than invocations, several share a class.
 */
function products(
  quads: number,
  classes: number,
  threads: number,
  term: string,
  finish: string,
): string {
  const sharers = 2 ** Math.floor(Math.log2(Math.max(1, threads / classes)));
  if (sharers === 1) {
    return `for (var k = lane; k < ${classes}u; k += ${threads}u) {
  var sum = vec4f();
  for (var quad = 0u; quad < ${quads}u; quad++) { sum += ${term}; }
  ${finish}
}`;
  }
  return `{
  let k = lane / ${sharers}u;
  var sum = vec4f();
  if (k < ${classes}u) {
    for (var quad = lane % ${sharers}u; quad < ${quads}u; quad += ${sharers}u) { sum += ${term}; }
  }
  shares[lane] = sum;
}
workgroupBarrier();
if (lane < ${classes}u) {
  let k = lane;
  var sum = vec4f();
  for (var sharer = 0u; sharer < ${sharers}u; sharer++) { sum += shares[k * ${sharers}u + sharer]; }
  ${finish}
}`;
}

/** Statements: the gradient of the pooled features, from that of the logits. */
function featureGradient(
  shader: ShaderWriter,
  { classes, student: { channels, weight }, dPooled }: HeadKernel,
  threads: number,
): string {
  const run = allChannels(channels);
  const weights = shader.operand("weight", weight);
  const target = shader.operand("d_pooled", dPooled);
  return `
for (var quad = lane; quad < ${quadsOf(channels)}u; quad += ${threads}u) {
  var sum = vec4f();
  for (var k = 0u; k < ${classes}u; k++) { sum += logits[k] * ${loadQuad(weights, run, "k", "quad")}; }
  ${storeQuad(target, run, "image", "quad", "sum")}
}`;
}

/** dW, db, and the result of the step so far: all of them sums over images, in order. */
export function headSumsDispatch(head: HeadKernel, place: LossPlace): Dispatch {
  const { images, classes, student, pooled, dLogits, dWeight, dBias, workspace } = head;
  const shader = new ShaderWriter([]);
  const inputs = student.channels;
  const layer = { images, inputs, outputs: classes, x: pooled, dy: dLogits };
  const { cases, count } = parameterGradients(shader, layer, { dWeight, dBias });
  const results = shader.operand("results_of_images", workspace);
  const { before, entries } = resultEntries(shader, place);
  return shader.dispatch(
    "head-sums",
    [THREADS, 1],
    [Math.ceil((count + 1) / THREADS), 1, 1],
    images * inputs * classes,
    `
let index = group.x * ${THREADS}u + lane;
${cases} else if (index == ${count}u) {
  ${before}
  for (var image = 0u; image < ${shader.place("result_count", images)}; image++) {
    total += vec2f(${scalarAt(results, "2u * image")}, ${scalarAt(results, "2u * image + 1u")});
  }
  ${entries[0]} = total.x;
  ${entries[1]} = total.y;
}`,
  );
}
