import { ascentThreads } from "./ball-ascent.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

/** The way to weights nearby where the loss is larger, see `SharpnessSettings`. */

/** Sums that (θ·g)² is cut into: a workgroup each. */
export const SHARPNESS_PARTS = 256;

/** Where a step keeps what its second pass needs, in floats of the arena. */
export interface SharpnessPlace {
  /** θ */
  readonly kept: number;
  /** The sums, then ρ/‖θ·g‖. */
  readonly sums: number;
}

/**
 * θ is kept, θ ← θ + ρ·θ²·g/‖θ·g‖ and g ← 0 over the trainable values; the scale of a loss that g
 * comes with cancels out.
 */
export function climbDispatches(
  length: number,
  place: SharpnessPlace,
  cooperation: Cooperation,
): Dispatch[] {
  return [
    squaresDispatch(length, place, cooperation),
    rateDispatch(place),
    steeperDispatch(length, place),
  ];
}

function squaresDispatch(
  length: number,
  { sums }: SharpnessPlace,
  cooperation: Cooperation,
): Dispatch {
  const threads = ascentThreads(cooperation);
  const shader = new ShaderWriter([]);
  for (const memory of ["student", "gradient"] as const) shader.memory(memory, memory, 0);
  const target = scalarAt(shader.memory("sums", "arena", sums), "group.x");
  if (threads > 1) shader.shared("shares", `array<f32, ${threads}>`);
  return shader.dispatch(
    "sharpness-squares",
    [threads, 1],
    [SHARPNESS_PARTS, 1, 1],
    2 * length,
    `
var sum = 0.0;
// Compensated, as sums of norms are.
var lost = 0.0;
for (var i = group.x * ${threads}u + lane; i < ${length}u; i += ${SHARPNESS_PARTS * threads}u) {
  let part = student[i] * gradient[i];
  let term = part * part - lost;
  let next = sum + term;
  lost = (next - sum) - term;
  sum = next;
}
${
  threads > 1
    ? `shares[lane] = sum;
workgroupBarrier();
if (lane == 0u) {
  for (var t = 1u; t < ${threads}u; t++) { sum += shares[t]; }
  ${target} = sum;
}`
    : `${target} = sum;`
}`,
  );
}

/** By one invocation: there are few sums. */
function rateDispatch({ sums }: SharpnessPlace): Dispatch {
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const tensor = shader.memory("sums", "arena", sums);
  return shader.dispatch(
    "sharpness-rate",
    [1, 1],
    [1, 1, 1],
    SHARPNESS_PARTS,
    `
var sum = 0.0;
for (var part = 0u; part < ${SHARPNESS_PARTS}u; part++) { sum += ${scalarAt(tensor, "part")}; }
var rate = 0.0;
if (sum != 0.0) { rate = ${settings}.sharpness_rho / sqrt(sum); }
${scalarAt(tensor, `${SHARPNESS_PARTS}u`)} = rate;`,
  );
}

function steeperDispatch(length: number, { kept, sums }: SharpnessPlace): Dispatch {
  const shader = new ShaderWriter([]);
  for (const memory of ["student", "gradient"] as const) shader.memory(memory, memory, 0);
  const before = scalarAt(shader.memory("kept", "arena", kept), "index");
  const rate = scalarAt(shader.memory("sums", "arena", sums), `${SHARPNESS_PARTS}u`);
  return flat(
    shader,
    "steeper-weights",
    length,
    5 * length,
    `let value = student[index];
  ${before} = value;
  student[index] = value + ${rate} * value * value * gradient[index];
  gradient[index] = 0.0;`,
  );
}
