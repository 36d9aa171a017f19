import type { LayoutEntry } from "../../../protocol/model/state-layout.ts";
import type { RegulariserEnd, RegulariserSettings } from "../regularisers.ts";

/** What regularisers work on. Linear layers' weights lie on the device as in a state vector. */
interface Weights {
  /** θ and the gradient by it: all trainable values. */
  readonly student: Float32Array;
  readonly gradient: Float32Array;
  /** The teacher's whole state vector. */
  readonly teacher: Float32Array;
  /** The head's weights. */
  readonly heads: readonly LayoutEntry[];
}

type End = (weights: Weights, settings: RegulariserSettings) => void;

/** What each regulariser does in a step; in float64, rounded once. */
export const REGULARISER_ENDS = {
  /** θ ← θ + ρ·θ²·g/‖θ·g‖ */
  climb: ({ student, gradient }, { sharpness }) => {
    let squares = 0;
    for (let i = 0; i < student.length; i++) squares += (student[i]! * gradient[i]!) ** 2;
    if (squares === 0) return;
    const rate = sharpness!.rho / Math.sqrt(squares);
    for (let i = 0; i < student.length; i++) {
      const value = student[i]!;
      student[i] = value + rate * value * value * gradient[i]!;
    }
  },

  /** g ← g + α·w_teacher for every linear layer of the head. */
  "shift-heads": ({ gradient, teacher, heads }, { headShift }) => {
    for (const { offset, size } of heads) {
      const towards = teacher.subarray(offset, offset + size);
      towards.forEach((value, i) => (gradient[offset + i]! += headShift!.weight * value));
    }
  },

  /** w ← w·‖w_teacher‖/‖w‖ for every linear layer of the head; a w of zero stays. */
  "bound-heads": ({ student, teacher, heads }) => {
    for (const { offset, size } of heads) {
      const weight = student.subarray(offset, offset + size);
      const scale = lengthOf(teacher.subarray(offset, offset + size)) / lengthOf(weight);
      if (Number.isFinite(scale)) weight.forEach((value, i) => (weight[i] = scale * value));
    }
  },
} satisfies Record<RegulariserEnd, End>;

function lengthOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
