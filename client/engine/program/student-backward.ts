import type { Activation, ValueId } from "../../../protocol/model/graph.ts";
import { stepInputs, type NormStep, type TrainingStep } from "./plan.ts";
import type { ForwardPass } from "./forward-pass.ts";
import type { ConvGeometry, GradientEpilogue } from "./program.ts";
import type { Operand } from "./operands.ts";
import type { ProgramWriter } from "./program-writer.ts";

const NO_EPILOGUE: GradientEpilogue = { addend: undefined, activated: undefined, sums: undefined };

/** How many runs the kernel that takes sums cuts one norm group into. */
type PartsOf = (channels: number, rowsPerGroup: number) => number;

/** What a backward pass is to find. */
export interface GradientsWanted {
  /** Of every parameter, for batch norms over the batch's statistics. */
  readonly parameters: boolean;
  /** Of what the pass reads as images. */
  readonly images: boolean;
}

/**
 * Writes the backward pass from the gradient of the logits to that of every parameter, or to that of
 * the images, or to both.
 *
 * A value's gradient is gathered from its readers, last reader first. The kernel that brings the
 * last contribution also goes through the value's activation and takes the sums its batch norm needs.
 *
 * @returns the gradient of the images, if it is wanted.
 */
export function writeBackwardPass(
  writer: ProgramWriter,
  forward: ForwardPass,
  dLogits: Operand,
  wanted: GradientsWanted,
): Operand | undefined {
  return new BackwardWriter(writer, forward, wanted).write(dLogits);
}

class BackwardWriter {
  readonly #writer: ProgramWriter;
  readonly #forward: ForwardPass;
  readonly #wanted: GradientsWanted;
  readonly #steps: readonly TrainingStep[];
  /** Readers that have not contributed yet. */
  readonly #pending: Map<ValueId, number>;
  readonly #gradients = new Map<ValueId, Operand>();
  readonly #sums = new Map<ValueId, NonNullable<GradientEpilogue["sums"]>>();

  constructor(writer: ProgramWriter, forward: ForwardPass, wanted: GradientsWanted) {
    this.#writer = writer;
    this.#forward = forward;
    this.#wanted = wanted;
    this.#steps = stepsToward(writer.graph.output, forward.steps);
    this.#pending = readerCounts(this.#steps);
  }

  write(dLogits: Operand): Operand | undefined {
    const { graph } = this.#writer;
    // The loss reads the logits too.
    this.#pending.set(graph.output, (this.#pending.get(graph.output) ?? 0) + 1);
    for (const step of this.#steps.toReversed()) {
      if (step.output === graph.output) this.#pass(graph.output, dLogits);
      this.#writeStep(step, this.#gradients.get(step.output)!);
    }
    return this.#gradients.get(graph.input);
  }

  /** Whether a value's gradient is needed: of all but the images it always is. */
  #isWanted(id: ValueId): boolean {
    return this.#wanted.images || id !== this.#writer.graph.input;
  }

  #writeStep(step: TrainingStep, g: Operand): void {
    switch (step.kind) {
      case "conv2d":
        this.#writeConvolution(step, g);
        return;
      case "norm":
        this.#writeNorm(step, g);
        return;
      case "activation":
        this.#pass(step.input, g);
        return;
      case "add":
        for (const input of step.inputs) this.#pass(input, g);
        return;
      case "global-average-pool":
        this.#gather(step.input, g, true);
        return;
      case "linear":
        this.#writeLinear(step, g);
        return;
      default:
        step satisfies never;
    }
  }

  #writeConvolution(step: Extract<TrainingStep, { kind: "conv2d" }>, dy: Operand): void {
    const writer = this.#writer;
    const geometry = writer.geometry(step);
    if (this.#wanted.parameters) this.#writeFilterGradient(step, geometry, dy);
    if (!this.#isWanted(step.input)) return;
    const dx = writer.activation(step.input);
    const epilogue = this.#contribute(step.input, dx, this.#partsOfConvolution(geometry));
    const weight = writer.parameter(step.weight);
    writer.emit("backward", { kind: "input-gradient", geometry, dy, weight, dx, epilogue });
  }

  #writeFilterGradient(
    step: Extract<TrainingStep, { kind: "conv2d" }>,
    geometry: ConvGeometry,
    dy: Operand,
  ): void {
    const writer = this.#writer;
    const { groupSize, groups } = writer.batch;
    const parts = groups * writer.tiling.filterParts(geometry, groupSize);
    const dw = writer.gradient(step.weight);
    writer.emit("backward", {
      kind: "filter-gradient",
      geometry,
      x: this.#forward.readings.get(step.input)!,
      dy,
      dw,
      workspace: parts > 1 ? writer.workspace(parts * dw.length) : undefined,
      parts,
    });
  }

  #partsOfConvolution(geometry: ConvGeometry): PartsOf {
    const { tiling, batch } = this.#writer;
    return () => tiling.inputGradientParts(geometry, batch.groupSize);
  }

  #writeNorm(step: NormStep, g: Operand): void {
    const writer = this.#writer;
    const { norm, input, output, addend } = step;
    const { channels } = writer.extent(input);
    const record = this.#forward.norms.get(step)!;
    if (record.statistics === "running") {
      if (addend !== undefined) this.#pass(addend, g);
      if (this.#isWanted(input)) this.#pass(input, this.#slope(input, g, record.slopes));
      return;
    }
    const { input: z, saved, count } = record;
    const factors = writer.perGroup(3, channels);
    writer.emit("backward", {
      kind: "norm-gradient-factors",
      channels,
      count,
      sums: this.#sums.get(output)!,
      gamma: writer.parameter(norm.scale),
      saved,
      dGamma: writer.gradient(norm.scale),
      dBeta: writer.gradient(norm.shift),
      factors,
    });
    if (addend !== undefined) this.#pass(addend, g);
    if (!this.#isWanted(input)) return;
    const dz = writer.activation(input);
    const shape = { rows: writer.rows(input), cleanRows: writer.cleanRows(input), channels };
    writer.emit("backward", { kind: "norm-gradient", ...shape, g, z, factors, dz });
    this.#pass(input, dz);
  }

  /** The gradient of a running norm's input: that of its output, times the scale. */
  #slope(input: ValueId, g: Operand, slopes: Operand): Operand {
    const writer = this.#writer;
    const dz = writer.activation(input);
    writer.emit("backward", {
      kind: "combine",
      rows: writer.rows(input),
      channels: writer.extent(input).channels,
      x: { values: g, affine: { coefficients: slopes, common: true, activation: undefined } },
      addend: undefined,
      activation: undefined,
      y: dz,
      sums: undefined,
    });
    return dz;
  }

  #writeLinear(step: Extract<TrainingStep, { kind: "linear" }>, dy: Operand): void {
    const writer = this.#writer;
    const { input, output, weight, bias } = step;
    const dx = this.#isWanted(input) ? writer.activation(input) : undefined;
    writer.emit("backward", {
      kind: "linear-gradient",
      images: writer.imageCount,
      inputs: writer.extent(input).channels,
      outputs: writer.extent(output).channels,
      x: this.#forward.readings.get(input)!.values,
      weight: writer.parameter(weight),
      dy,
      dx,
      parameters: this.#wanted.parameters
        ? { dWeight: writer.gradient(weight), dBias: writer.gradient(bias) }
        : undefined,
    });
    if (dx) this.#pass(input, dx);
  }

  /** Contributes a gradient that is there already. */
  #pass(id: ValueId, dy: Operand): void {
    if (!this.#isWanted(id)) return;
    const pending = this.#pending.get(id)!;
    const bare = pending > 1 || !this.#hasEpilogue(id);
    if (bare && !this.#gradients.has(id)) {
      this.#pending.set(id, pending - 1);
      this.#gradients.set(id, dy);
      return;
    }
    this.#gather(id, dy, false);
  }

  /** Contributes by a kernel of its own. */
  #gather(id: ValueId, dy: Operand, broadcast: boolean): void {
    if (!this.#isWanted(id)) return;
    const writer = this.#writer;
    const { height, width, channels } = writer.extent(id);
    const rows = writer.rows(id);
    const copied = writer.activation(id);
    const parts: PartsOf = (perRow, rowsPerGroup) => writer.tiling.rowParts(rowsPerGroup, perRow);
    const epilogue = this.#contribute(id, copied, parts);
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
  #contribute(id: ValueId, g: Operand, partsOf: PartsOf): GradientEpilogue {
    const addend = this.#gradients.get(id);
    const pending = this.#pending.get(id)! - 1;
    this.#pending.set(id, pending);
    this.#gradients.set(id, g);
    if (pending > 0) return { ...NO_EPILOGUE, addend };

    const { readings, producers, norms } = this.#forward;
    const producer = producers.get(id);
    const activation = activationOf(producer);
    const activated = activation && { activation, value: readings.get(id)! };
    const norm = producer?.kind === "norm" ? norms.get(producer)! : undefined;
    if (norm?.statistics !== "batch") return { addend, activated, sums: undefined };
    const writer = this.#writer;
    const { channels } = writer.extent(id);
    const parts = partsOf(channels, writer.rows(id) / writer.batch.groups);
    const sums = {
      operand: writer.perGroup(2 * parts, channels),
      parts,
      z: norm.input,
    };
    this.#sums.set(id, sums);
    return { addend, activated, sums };
  }

  #hasEpilogue(id: ValueId): boolean {
    const producer = this.#forward.producers.get(id);
    if (activationOf(producer)) return true;
    return producer?.kind === "norm" && this.#forward.norms.get(producer)!.statistics === "batch";
  }
}

/** The last thing a step does, where that is an activation. */
function activationOf(step: TrainingStep | undefined): Activation | undefined {
  return step?.kind === "activation" || step?.kind === "norm" ? step.activation : undefined;
}

/** Steps that have a part in the output, in order. */
function stepsToward(output: ValueId, steps: readonly TrainingStep[]): TrainingStep[] {
  const wanted = new Set([output]);
  const found = steps.toReversed().filter((step) => {
    if (!wanted.has(step.output)) return false;
    for (const id of stepInputs(step)) wanted.add(id);
    return true;
  });
  return found.toReversed();
}

/** How often steps read each value. */
function readerCounts(steps: readonly TrainingStep[]): Map<ValueId, number> {
  const counts = new Map<ValueId, number>();
  for (const step of steps) {
    for (const id of stepInputs(step)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}
