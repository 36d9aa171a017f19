import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { headEntries } from "../program/head-entries.ts";
import type { RegulariserEnd, RegulariserSettings } from "../regularisers.ts";

/** What regularisers work on. Linear layers' weights lie on the device as in a state vector. */
interface Weights {
  /** θ and the gradient by it: all trainable values. */
  readonly student: Float32Array;
  readonly gradient: Float32Array;
  /** The teacher's whole state vector. */
  readonly teacher: Float32Array;
  readonly layout: StateLayout;
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

  /** g ← g + α·w_teacher for every linear layer. */
  "shift-heads": ({ gradient, teacher, layout }, { headShift }) => {
    for (const { offset, size } of headEntries(layout)) {
      const towards = teacher.subarray(offset, offset + size);
      towards.forEach((value, i) => (gradient[offset + i]! += headShift!.weight * value));
    }
  },

  /** w ← w·‖w_teacher‖/‖w‖ for every linear layer; a w of zero stays. */
  "bound-heads": ({ student, teacher, layout }) => {
    for (const { offset, size } of headEntries(layout)) {
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
