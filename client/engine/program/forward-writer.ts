import type { Activation, ValueId } from "../../../protocol/model/graph.ts";
import type { ArenaBuffer } from "./arena.ts";
import type { NormMode, NormRecord, RunMoments } from "./forward-pass.ts";
import type { Operand, Reading, StatisticsSums } from "./operands.ts";
import type { Kernel } from "./kernels/kernels.ts";
import type { NormStep } from "./plan.ts";
import { stored, type ProgramWriter } from "./program-writer.ts";

/** What a row pass makes of values: f(x + addend), f an activation or none. */
export interface Combination {
  readonly x: Reading;
  readonly addend: Reading | undefined;
  readonly activation: Activation | undefined;
}

/** A forward pass in training or in evaluation, for what is the same in both. */
export interface ValueWriter {
  readonly writer: ProgramWriter;
  /** How a value that there is already is read. */
  reading(id: ValueId): Reading;
  /** A kernel that gives no value. */
  emit(kernel: Kernel): void;
  /** Gives a value by a kernel that takes no sums. */
  give(output: ValueId, kernelOf: (y: Operand) => Kernel): void;
  /** Says how readers see a value. */
  readAs(id: ValueId, reading: Reading): void;
}

/** Values that a student's forward pass has to keep in a certain way. */
export interface ValueNeeds {
  /** Those that batch norms read. */
  readonly normed: ReadonlySet<ValueId>;
  /** Those that some reader needs in memory as they are. */
  readonly stored: ReadonlySet<ValueId>;
}

/**
 * A student's forward pass while operations write themselves into it. A normalised value is not
 * stored where its readers can normalise while they read; statistics are summed by the kernel that
 * gives the value.
 */
export class ForwardWriter implements ValueWriter {
  readonly writer: ProgramWriter;
  readonly mode: NormMode;
  /** How readers see the values that there are so far. */
  readonly readings = new Map<ValueId, Reading>();
  readonly norms = new Map<NormStep, NormRecord>();
  readonly moments = new Map<ValueId, RunMoments>();
  /** Of the values that batch norms read. */
  readonly sums = new Map<ValueId, StatisticsSums>();
  readonly #needs: ValueNeeds;

  constructor(writer: ProgramWriter, mode: NormMode, needs: ValueNeeds) {
    this.writer = writer;
    this.mode = mode;
    this.#needs = needs;
    const { graph, images } = writer;
    this.readAs(graph.input, stored(images));
    // The images as a norm reads them: nothing but a kernel takes sums.
    if (this.#takesSums(graph.input)) {
      this.combine(graph.input, {
        x: stored(images),
        addend: undefined,
        activation: undefined,
      });
    }
  }

  reading(id: ValueId): Reading {
    return this.readings.get(id)!;
  }

  /** @throws Error when the value was not stored, which `storedInputs` rules out. */
  stored(id: ValueId): Operand {
    const { values, affine } = this.reading(id);
    if (affine) throw new Error(`'${id}' is read as stored, but is not`);
    return values;
  }

  /** Whether some reader needs the value in memory as it is. */
  isStored(id: ValueId): boolean {
    return this.#needs.stored.has(id);
  }

  /** Says how readers see a value. */
  readAs(id: ValueId, reading: Reading): void {
    this.readings.set(id, reading);
  }

  /** Memory for a value, which is read from there. */
  store(id: ValueId): ArenaBuffer {
    const buffer = this.writer.activation(id);
    this.readAs(id, stored(buffer));
    return buffer;
  }

  emit(kernel: Kernel): void {
    this.writer.emit("forward", kernel);
  }

  /** Gives a value by a kernel that takes no sums. */
  give(output: ValueId, kernelOf: (y: Operand) => Kernel): void {
    const { writer } = this;
    writer.emit("forward", kernelOf(this.store(output)));
    const { channels } = writer.extent(output);
    const sums = this.sumsOf(output, () =>
      writer.tiling.rowParts(writer.cleanRows(output), channels),
    );
    if (!sums) return;
    writer.emit("forward", {
      kind: "combine",
      rows: writer.rows(output),
      channels,
      x: this.reading(output),
      addend: undefined,
      activation: undefined,
      y: undefined,
      sums,
    });
  }

  /** Gives a value by a row pass. */
  combine(output: ValueId, combination: Combination): void {
    const { writer } = this;
    const { channels } = writer.extent(output);
    writer.emit("forward", {
      kind: "combine",
      rows: writer.rows(output),
      channels,
      ...combination,
      y: this.store(output),
      sums: this.sumsOf(output, () => writer.tiling.rowParts(writer.cleanRows(output), channels)),
    });
  }

  /** Sums for the kernel that gives a value to take, where a batch norm wants them. */
  sumsOf(id: ValueId, partsOf: () => number): StatisticsSums | undefined {
    if (!this.#takesSums(id)) return undefined;
    const { writer } = this;
    const parts = partsOf();
    const { channels } = writer.extent(id);
    const operand = writer.perGroup(2 * parts, channels);
    const sums = { operand, parts, cleanRows: writer.cleanRows(id) };
    this.sums.set(id, sums);
    return sums;
  }

  #takesSums(id: ValueId): boolean {
    return this.mode !== "running" && this.#needs.normed.has(id);
  }
}
