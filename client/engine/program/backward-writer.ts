import type { ValueId } from "../../../protocol/model/graph.ts";
import { rulesOf } from "./activations.ts";
import type { ForwardPass } from "./forward-pass.ts";
import type { ActivatedValue, GradientEpilogue } from "./kernels/gradient-epilogue.ts";
import type { Operand } from "./operands.ts";
import { stepInputs, type TrainingStep } from "./plan.ts";
import type { ProgramWriter } from "./program-writer.ts";

const NO_EPILOGUE: GradientEpilogue = { addend: undefined, activated: undefined, sums: undefined };

/** How many runs the kernel that takes sums cuts one norm group into. */
export type PartsOf = (channels: number, rowsPerGroup: number) => number;

/** What a backward pass is to find. */
export interface GradientsWanted {
  /** Of every parameter, for batch norms over the batch's statistics. */
  readonly parameters: boolean;
  /** Of what the pass reads as images. */
  readonly images: boolean;
}

/**
 * A backward pass while operations write themselves into it, last first. A value's gradient is
 * gathered from its readers; the kernel that brings the last contribution also goes through the
 * value's activation and takes the sums its batch norm needs.
 */
export class BackwardWriter {
  readonly writer: ProgramWriter;
  readonly forward: ForwardPass;
  readonly wanted: GradientsWanted;
  /** Readers that have not contributed yet. */
  readonly #pending = new Map<ValueId, number>();
  readonly #gradients = new Map<ValueId, Operand>();
  readonly #sums = new Map<ValueId, NonNullable<GradientEpilogue["sums"]>>();

  /** @param steps those that have a part in the output */
  constructor(
    writer: ProgramWriter,
    forward: ForwardPass,
    wanted: GradientsWanted,
    steps: readonly TrainingStep[],
  ) {
    this.writer = writer;
    this.forward = forward;
    this.wanted = wanted;
    // The loss reads the logits, too.
    for (const id of [...steps.flatMap(stepInputs), writer.graph.output]) {
      this.#pending.set(id, (this.#pending.get(id) ?? 0) + 1);
    }
  }

  /** Whether a value's gradient is needed: of all but the images it always is. */
  isWanted(id: ValueId): boolean {
    return this.wanted.images || id !== this.writer.graph.input;
  }

  /** What was contributed to a value's gradient so far; undefined where nothing was. */
  gradient(id: ValueId): Operand | undefined {
    return this.#gradients.get(id);
  }

  /** Σg and Σ g·z of a batch norm's output, once its gradient is complete. */
  sums(id: ValueId): NonNullable<GradientEpilogue["sums"]> {
    return this.#sums.get(id)!;
  }

  /** Contributes a gradient that is there already. */
  pass(id: ValueId, dy: Operand): void {
    if (!this.isWanted(id)) return;
    const pending = this.#pending.get(id)!;
    const bare = pending > 1 || !this.#hasEpilogue(id);
    if (bare && !this.#gradients.has(id)) {
      this.#pending.set(id, pending - 1);
      this.#gradients.set(id, dy);
      return;
    }
    this.gather(id, dy, false);
  }

  /**
   * Contributes by a kernel of its own.
   *
   * @param broadcast whether `dy` has one value per image and channel, the gradient of their mean
   */
  gather(id: ValueId, dy: Operand, broadcast: boolean): void {
    if (!this.isWanted(id)) return;
    const { writer } = this;
    const { height, width, channels } = writer.extent(id);
    const rows = writer.rows(id);
    const copied = writer.activation(id);
    const parts: PartsOf = (perRow, rowsPerGroup) => writer.tiling.rowParts(rowsPerGroup, perRow);
    const epilogue = this.contribute(id, copied, parts);
    const sumsOnly = !broadcast && !epilogue.addend && !epilogue.activated;
    if (sumsOnly) this.#gradients.set(id, dy);
    writer.emit("backward", {
      kind: "gather-gradient",
      rows,
      channels,
      positions: height * width,
      dy,
      broadcast,
      g: sumsOnly ? undefined : copied,
      epilogue,
    });
  }

  /** Counts a contribution to `id`, written to `g`; returns what its kernel has to do with it. */
  contribute(id: ValueId, g: Operand, partsOf: PartsOf): GradientEpilogue {
    const addend = this.#gradients.get(id);
    const pending = this.#pending.get(id)! - 1;
    this.#pending.set(id, pending);
    this.#gradients.set(id, g);
    if (pending > 0) return { ...NO_EPILOGUE, addend };

    const { writer } = this;
    const activated = this.#activated(id);
    const z = this.#normInput(id);
    if (!z) return { addend, activated, sums: undefined };
    const { channels } = writer.extent(id);
    const parts = partsOf(channels, writer.rows(id) / writer.batch.groups);
    const sums = { operand: writer.perGroup(2 * parts, channels), parts, z };
    this.#sums.set(id, sums);
    return { addend, activated, sums };
  }

  #hasEpilogue(id: ValueId): boolean {
    return this.#activated(id) !== undefined || this.#normInput(id) !== undefined;
  }

  /** The last thing the step does that gives a value, where that is an activation. */
  #activated(id: ValueId): ActivatedValue | undefined {
    const { producers, readings, norms } = this.forward;
    const step = producers.get(id);
    if (step?.kind !== "activation" && step?.kind !== "batch-norm") return undefined;
    const { activation } = step;
    if (activation === undefined) return undefined;
    if (rulesOf(activation).derivativeFrom === "value") {
      return { activation, from: readings.get(id)! };
    }
    // A training plan gives a norm no such activation behind an addend.
    const from =
      step.kind === "activation" ? readings.get(step.input) : norms.get(step)?.normalised;
    return { activation, from: from! };
  }

  /** What a batch norm normalised by the batch's statistics, where one gives the value. */
  #normInput(id: ValueId): Operand | undefined {
    const step = this.forward.producers.get(id);
    const record = step?.kind === "batch-norm" ? this.forward.norms.get(step)! : undefined;
    return record?.statistics === "batch" ? record.normalised.values : undefined;
  }
}
