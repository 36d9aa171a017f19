import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { headEntries } from "../program/head-entries.ts";
import type { HeadShiftSettings } from "../regularisers.ts";
import type { SessionMemory } from "./session-memory.ts";

/** A linear layer's weight, which device layout leaves as it is. */
interface Layer {
  readonly offset: number;
  /** As the teacher has it. */
  readonly teacher: Float32Array;
  /** ‖w_teacher‖ */
  readonly length: number;
}

/** What turns linear layers away from the teacher's; see `HeadShiftSettings`. */
export class HeadShift {
  readonly #memory: SessionMemory;
  readonly #trainableLength: number;
  readonly #layers: readonly Layer[];

  /** @param state the teacher's whole state vector */
  constructor(memory: SessionMemory, layout: StateLayout, state: Float32Array) {
    this.#memory = memory;
    this.#trainableLength = layout.trainableLength;
    this.#layers = headEntries(layout).map(({ offset, size }) => {
      const teacher = state.slice(offset, offset + size);
      return { offset, teacher, length: lengthOf(teacher) };
    });
  }

  /** g ← g + α·w_teacher */
  addGradient({ weight }: HeadShiftSettings): void {
    const gradient = this.#memory.view("gradient", this.#trainableLength);
    for (const { offset, teacher } of this.#layers) {
      teacher.forEach((value, i) => (gradient[offset + i]! += weight * value));
    }
  }

  /** w ← w·‖w_teacher‖/‖w‖; a w of zero stays. */
  bringToLength(): void {
    const student = this.#memory.view("student", this.#trainableLength);
    for (const { offset, teacher, length } of this.#layers) {
      const weight = student.subarray(offset, offset + teacher.length);
      const scale = length / lengthOf(weight);
      if (Number.isFinite(scale)) weight.forEach((value, i) => (weight[i] = scale * value));
    }
  }
}

function lengthOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
