import type { Cooperation } from "./cooperation.ts";
import type { ShaderWriter } from "./shader.ts";

/** A vector that ascends along a gradient within a ball, by one workgroup. */

/** Invocations of a workgroup that takes the length of a vector, where several work together. */
const THREADS = 256;

export function ascentThreads(cooperation: Cooperation): number {
  return cooperation.threads > 1 ? THREADS : 1;
}

/** Statements for every `i` below `length`, the same ones by the same invocation each time. */
export function eachValue(length: number, threads: number, body: string): string {
  return `for (var i = lane; i < ${length}u; i += ${threads}u) { ${body} }`;
}

/** What ascends; expressions, of values by their index `i`. */
export interface Ascending {
  readonly length: number;
  /** Where the value is written, and read back from. */
  readonly value: string;
  /** What it is at first. */
  readonly before: string;
  readonly gradient: string;
  readonly radius: string;
  readonly step: string;
  /** Of `LowFrequencySettings`; the ball is round when left out. */
  readonly stretch?: Stretch | undefined;
}

/** Axes along which a ball is longer; expressions, of values by their index `i`. */
export interface Stretch {
  readonly gain: number;
  /** P·g */
  readonly gradient: string;
  /** P·v, of what v is at first. */
  readonly value: string;
}

/** Statements: v ← Π(v + step·g/‖g‖), Π onto the ball of length `radius`; S·Π(S⁻¹·v + …) stretched. */
export function ascendInBall(
  shader: ShaderWriter,
  { length, value, before, gradient, radius, step, stretch }: Ascending,
  threads: number,
): string {
  const each = (body: string): string => eachValue(length, threads, body);
  if (threads > 1) shader.shared("shares", `array<f32, ${threads}>`);
  const together = (name: string, combine: (a: string, b: string) => string): string =>
    threads === 1
      ? ""
      : `shares[lane] = ${name};
workgroupBarrier();
${name} = shares[0];
for (var t = 1u; t < ${threads}u; t++) { ${name} = ${combine(name, "shares[t]")}; }
workgroupBarrier();`;
  const more = stretch ? stretch.gain ** 2 - 1 : 0;
  const less = stretch ? 1 - stretch.gain ** -2 : 0;
  const onto = stretch ? ` + ${more} * part * (${stretch.gradient} / unit)` : "";
  const further = stretch ? ` + ${more} * (${stretch.gradient} / unit)` : "";
  const within = stretch
    ? ` - ${less} * moved * (${stretch.value} + rate * ${stretch.gain ** 2} * (${stretch.gradient} / unit))`
    : "";
  return `
var largest = 0.0;
${each(`largest = max(largest, abs(${gradient}));`)}
${together("largest", (a, b) => `max(${a}, ${b})`)}
// Squares of what is small would vanish. A gradient of zero moves nothing.
let unit = select(1.0, largest, largest > 0.0);
var squares = 0.0;
${each(`let part = ${gradient} / unit; squares += part * part${onto};`)}
${together("squares", (a, b) => `${a} + ${b}`)}
let rate = ${step} / sqrt(max(squares, 1.0));
var moved_squares = 0.0;
${each(`let moved = ${before} + rate * (${gradient} / unit${further});
moved_squares += moved * moved${within};
${value} = moved;`)}
${together("moved_squares", (a, b) => `${a} + ${b}`)}
let length = sqrt(moved_squares);
if (length > ${radius}) {
  let shrink = ${radius} / length;
  ${each(`${value} = ${value} * shrink;`)}
}`;
}
