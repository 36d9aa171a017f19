import type { Operand } from "../../program/operands.ts";
import { ascentThreads, eachValue } from "./ball-ascent.ts";
import { scalarAt } from "./channels.ts";
import type { Cooperation } from "./cooperation.ts";
import { flat } from "./flat.ts";
import { ShaderWriter, type Dispatch } from "./shader.ts";

/** What turns linear layers away from the teacher's, see `HeadShiftSettings`. */

/** A linear layer's weight: where student and gradient, and where the teacher have it. */
export interface HeadPlace {
  readonly student: Operand;
  readonly teacher: Operand;
}

/**
 * g ← g + α·w_teacher
 *
 * @param lossScale what g comes times, a power of two
 */
export function shiftHeadDispatch({ student, teacher }: HeadPlace, lossScale: number): Dispatch {
  const shader = new ShaderWriter([]);
  const { settings } = shader;
  const gradient = scalarAt(shader.memory("d_head", "gradient", student.offset), "index");
  const towards = scalarAt(shader.operand("teacher_head", teacher), "index");
  const { length } = student;
  const scale = lossScale === 1 ? "" : `${lossScale}.0 * `;
  const body = `${gradient} += ${scale}${settings}.head_shift_weight * ${towards};`;
  return flat(shader, "shift-head", length, 3 * length, body);
}

/** w ← w·‖w_teacher‖/‖w‖ by one workgroup; a w of zero stays. */
export function boundHeadDispatch(place: HeadPlace, cooperation: Cooperation): Dispatch {
  const threads = ascentThreads(cooperation);
  const shader = new ShaderWriter([]);
  const own = scalarAt(shader.operand("head", place.student), "i");
  const teachers = scalarAt(shader.operand("teacher_head", place.teacher), "i");
  const { length } = place.student;
  if (threads > 1) shader.shared("shares", `array<vec2f, ${threads}>`);
  return shader.dispatch(
    "bound-head",
    [threads, 1],
    [1, 1, 1],
    4 * length,
    `
var squares = vec2f();
// Compensated, as sums of norms are.
var lost = vec2f();
${eachValue(
  length,
  threads,
  `let pair = vec2f(${own}, ${teachers});
  let term = pair * pair - lost;
  let next = squares + term;
  lost = (next - squares) - term;
  squares = next;`,
)}
${
  threads > 1
    ? `shares[lane] = squares;
workgroupBarrier();
squares = shares[0];
for (var t = 1u; t < ${threads}u; t++) { squares += shares[t]; }`
    : ""
}
if (squares.x != 0.0) {
  let scale = sqrt(squares.y) / sqrt(squares.x);
  ${eachValue(length, threads, `${own} = ${own} * scale;`)}
}`,
  );
}
