import type { ValueId } from "../../../protocol/model/graph.ts";
import type { ArenaBuffer } from "./arena.ts";
import type { Combination } from "./forward-writer.ts";
import type { Operand } from "./operands.ts";
import type { ProgramWriter } from "./program-writer.ts";

/** A pass in evaluation mode while operations write themselves into it; every value is stored. */
export class EvaluationWriter {
  readonly writer: ProgramWriter;
  readonly #values: Map<ValueId, Operand>;

  constructor(writer: ProgramWriter) {
    this.writer = writer;
    this.#values = new Map([[writer.graph.input, writer.images]]);
  }

  value(id: ValueId): Operand {
    return this.#values.get(id)!;
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
