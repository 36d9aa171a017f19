import type { SharpnessSettings } from "../regularisers.ts";
import type { SessionMemory } from "./session-memory.ts";

/** The student at the weights nearby where its loss is larger, for a pass; see `SharpnessSettings`. */
export class SteeperWeights {
  readonly #memory: SessionMemory;
  readonly #trainableLength: number;
  /** θ, while the student is elsewhere; made by the first step that asks. */
  #kept: Float32Array | undefined;

  constructor(memory: SessionMemory, trainableLength: number) {
    this.#memory = memory;
    this.#trainableLength = trainableLength;
  }

  /** θ ← θ + ρ·θ²·g/‖θ·g‖, g as it is in memory; in float64, rounded once. */
  climb({ rho }: SharpnessSettings): void {
    const student = this.#memory.view("student", this.#trainableLength);
    const gradient = this.#memory.view("gradient", this.#trainableLength);
    this.#kept ??= new Float32Array(this.#trainableLength);
    this.#kept.set(student);
    let squares = 0;
    for (let i = 0; i < student.length; i++) squares += (student[i]! * gradient[i]!) ** 2;
    if (squares === 0) return;
    const rate = rho / Math.sqrt(squares);
    for (let i = 0; i < student.length; i++) {
      const value = student[i]!;
      student[i] = value + rate * value * value * gradient[i]!;
    }
  }

  /** Puts θ back. */
  return(): void {
    if (this.#kept) this.#memory.view("student", this.#trainableLength).set(this.#kept);
  }
}
