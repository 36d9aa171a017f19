import type { ValueId } from "../../../protocol/model/graph.ts";
import type { ArenaBuffer } from "./arena.ts";
import type { Combination, ValueWriter } from "./forward-writer.ts";
import type { Kernel } from "./kernels/kernels.ts";
import type { Operand, Reading } from "./operands.ts";
import { stored, type ProgramWriter } from "./program-writer.ts";

/** A pass in evaluation mode while operations write themselves into it; every value is stored. */
export class EvaluationWriter implements ValueWriter {
  readonly writer: ProgramWriter;
  readonly #values: Map<ValueId, Operand>;

  constructor(writer: ProgramWriter) {
    this.writer = writer;
    this.#values = new Map([[writer.graph.input, writer.images]]);
  }

  value(id: ValueId): Operand {
    return this.#values.get(id)!;
  }

  reading(id: ValueId): Reading {
    return stored(this.value(id));
  }

  /** Says where a value is, which is read as it is stored. */
  readAs(id: ValueId, { values }: Reading): void {
    this.#values.set(id, values);
  }

  emit(kernel: Kernel): void {
    this.writer.emit("teacher", kernel);
  }

  /** Gives a value by a kernel. */
  give(output: ValueId, kernelOf: (y: Operand) => Kernel): void {
    this.writer.emit("teacher", kernelOf(this.store(output)));
  }

  /**
   * Memory for a value.
   *
   * @param from the convolution's output, where its kernel gives another value straight away.
   */
  store(id: ValueId, from = id): ArenaBuffer {
    const buffer = this.writer.activation(id, from);
    this.#values.set(id, buffer);
    return buffer;
  }

  /** Gives a value by a row pass. */
  combine(output: ValueId, combination: Combination): void {
    const { writer } = this;
    writer.emit("teacher", {
      kind: "combine",
      rows: writer.rows(output),
      channels: writer.extent(output).channels,
      ...combination,
      y: this.store(output),
      sums: undefined,
    });
  }
}
