import type { Activation, ValueId } from "../../../protocol/model/graph.ts";
import { EngineError } from "../engine-error.ts";
import { trainingPlan, type NormStep, type TrainingStep } from "./plan.ts";
import type { ArenaBuffer } from "./arena.ts";
import type { ForwardPass, NormMode, NormRecord } from "./forward-pass.ts";
import type { CombineKernel, ConvolveKernel } from "./program.ts";
import type { Affine, Operand, Reading, StatisticsSums } from "./operands.ts";
import { stored, type ProgramWriter } from "./program-writer.ts";

/**
 * Writes the student's forward pass. A normalised value is not stored where its readers can
 * normalise while they read; statistics are summed by the kernel that gives the value.
 */
export function writeForwardPass(writer: ProgramWriter, mode: NormMode): ForwardPass {
  return new ForwardWriter(writer, mode).write();
}

class ForwardWriter {
  readonly #writer: ProgramWriter;
  readonly #mode: NormMode;
  readonly #steps: readonly TrainingStep[];
  readonly #readings = new Map<ValueId, Reading>();
  readonly #norms = new Map<NormStep, NormRecord>();
  readonly #producers = new Map<ValueId, TrainingStep>();
  readonly #sums = new Map<ValueId, StatisticsSums>();
  readonly #normInputs: ReadonlySet<ValueId>;
  /** Values some reader needs in memory as they are. */
  readonly #storedValues: ReadonlySet<ValueId>;

  constructor(writer: ProgramWriter, mode: NormMode) {
    this.#writer = writer;
    this.#mode = mode;
    this.#steps = trainingPlan(writer.graph).steps;
    const norms = this.#steps.filter((step) => step.kind === "norm");
    this.#normInputs = new Set(norms.map(({ input }) => input));
    const linear = this.#steps.filter((step) => step.kind === "linear");
    this.#storedValues = new Set([
      ...this.#normInputs,
      ...linear.map(({ input }) => input),
      writer.graph.output,
    ]);
  }

  write(): ForwardPass {
    const { graph, images } = this.#writer;
    this.#readings.set(graph.input, stored(images));
    if (this.#takesSums && this.#normInputs.has(graph.input)) this.#copyImages();
    for (const step of this.#steps) {
      this.#producers.set(step.output, step);
      this.#writeStep(step);
    }
    return {
      steps: this.#steps,
      logits: this.#stored(graph.output),
      readings: this.#readings,
      norms: this.#norms,
      producers: this.#producers,
    };
  }

  #writeStep(step: TrainingStep): void {
    const writer = this.#writer;
    switch (step.kind) {
      case "conv2d": {
        const geometry = writer.geometry(step);
        const kernel: ConvolveKernel = {
          kind: "convolve",
          geometry,
          x: this.#reading(step.input),
          weight: writer.parameter(step.weight),
          y: this.#store(step.output),
          bias: undefined,
          addend: undefined,
          activation: undefined,
          sums: this.#sumsOf(step.output, () =>
            writer.tiling.convolveParts(geometry, writer.cleanImages),
          ),
        };
        writer.emit("forward", kernel);
        return;
      }
      case "norm":
        this.#writeNorm(step);
        return;
      case "activation":
        this.#combine(step.output, this.#reading(step.input), undefined, step.activation);
        return;
      case "add": {
        const [a, b] = step.inputs;
        this.#combine(step.output, this.#reading(a), this.#reading(b), undefined);
        return;
      }
      case "global-average-pool": {
        const { height, width, channels } = writer.extent(step.input);
        writer.emit("forward", {
          kind: "pool",
          images: writer.imageCount,
          positions: height * width,
          channels,
          x: this.#reading(step.input),
          y: this.#store(step.output),
        });
        return;
      }
      case "linear":
        writer.emit("forward", {
          kind: "linear",
          images: writer.imageCount,
          inputs: writer.extent(step.input).channels,
          outputs: writer.extent(step.output).channels,
          x: this.#stored(step.input),
          weight: writer.parameter(step.weight),
          bias: writer.parameter(step.bias),
          y: this.#store(step.output),
        });
        return;
      default:
        step satisfies never;
    }
  }

  #writeNorm(step: NormStep): void {
    const { input, output, addend, activation } = step;
    const affine = this.#affineOf(step);
    const z = this.#stored(input);
    if (addend === undefined && !this.#storedValues.has(output)) {
      this.#readings.set(output, { values: z, affine: { ...affine, activation } });
      return;
    }
    const other = addend === undefined ? undefined : this.#reading(addend);
    this.#combine(output, { values: z, affine }, other, activation);
  }

  #affineOf(step: NormStep): Affine {
    switch (this.#mode) {
      case "advance":
      case "observe":
        return this.#batchNorm(step);
      case "running":
        return this.#runningNorm(step);
      case "measure": {
        const affine = this.#runningNorm(step);
        // Behind what reads the running statistics, since they make room.
        this.#takeStatistics(step, 1);
        return affine;
      }
      default:
        return this.#mode satisfies never;
    }
  }

  /** The affine of a norm over the batch's statistics. */
  #batchNorm(step: NormStep): Affine {
    const { coefficients, count, saved } = this.#takeStatistics(
      step,
      this.#mode === "advance" ? step.norm.momentum : undefined,
    );
    this.#norms.set(step, {
      statistics: "batch",
      input: this.#stored(step.input),
      saved,
      count,
    });
    return { coefficients, common: false, activation: undefined };
  }

  /** @param momentum of running statistics; undefined: they stay as they are. */
  #takeStatistics(step: NormStep, momentum: number | undefined) {
    const writer = this.#writer;
    const { norm, input } = step;
    const { channels } = writer.extent(input);
    const count = writer.cleanRows(input);
    if (count === 1) {
      throw new EngineError(
        "invalid-input",
        `batch norm '${norm.output}' sees one value per channel; use a batch of at least 2 images`,
      );
    }
    const coefficients = writer.perGroup(2, channels);
    const saved = writer.perGroup(2, channels);
    writer.emit("forward", {
      kind: "norm-statistics",
      channels,
      count,
      sums: this.#sums.get(input)!,
      gamma: writer.parameter(norm.scale),
      beta: writer.parameter(norm.shift),
      running:
        momentum === undefined
          ? undefined
          : {
              mean: writer.parameter(norm.runningMean),
              variance: writer.parameter(norm.runningVariance),
            },
      epsilon: norm.epsilon,
      momentum: momentum ?? norm.momentum,
      coefficients,
      saved,
    });
    return { coefficients, count, saved };
  }

  /** The affine of a norm over running statistics. */
  #runningNorm(step: NormStep): Affine {
    const writer = this.#writer;
    const { norm, input } = step;
    const { channels } = writer.extent(input);
    const coefficients = writer.workspace(2 * channels);
    const slopes = writer.workspace(2 * channels);
    writer.emit("forward", {
      kind: "running-norm",
      channels,
      gamma: writer.parameter(norm.scale),
      beta: writer.parameter(norm.shift),
      mean: writer.parameter(norm.runningMean),
      variance: writer.parameter(norm.runningVariance),
      epsilon: norm.epsilon,
      coefficients,
      slopes,
    });
    this.#norms.set(step, { statistics: "running", slopes });
    return { coefficients, common: true, activation: undefined };
  }

  /** Whether norms need sums over what they read. */
  get #takesSums(): boolean {
    return this.#mode !== "running";
  }

  #combine(
    output: ValueId,
    x: Reading,
    addend: Reading | undefined,
    activation: Activation | undefined,
  ): void {
    const writer = this.#writer;
    const rows = writer.rows(output);
    const { channels } = writer.extent(output);
    const kernel: CombineKernel = {
      kind: "combine",
      rows,
      channels,
      x,
      addend,
      activation,
      y: this.#store(output),
      sums: this.#sumsOf(output, () => writer.tiling.rowParts(writer.cleanRows(output), channels)),
    };
    writer.emit("forward", kernel);
  }

  /** The images as a norm reads them: nothing but a kernel takes sums. */
  #copyImages(): void {
    const { graph, images } = this.#writer;
    this.#combine(graph.input, stored(images), undefined, undefined);
  }

  #sumsOf(id: ValueId, parts: () => number): StatisticsSums | undefined {
    if (!this.#takesSums || !this.#normInputs.has(id)) return undefined;
    const writer = this.#writer;
    const count = parts();
    const { channels } = writer.extent(id);
    const sums = {
      operand: writer.perGroup(2 * count, channels),
      parts: count,
      cleanRows: writer.cleanRows(id),
    };
    this.#sums.set(id, sums);
    return sums;
  }

  #store(id: ValueId): ArenaBuffer {
    const buffer = this.#writer.activation(id);
    this.#readings.set(id, stored(buffer));
    return buffer;
  }

  #reading(id: ValueId): Reading {
    return this.#readings.get(id)!;
  }

  /** @throws Error when the value was not stored, which the planning rules out. */
  #stored(id: ValueId): Operand {
    const { values, affine } = this.#reading(id);
    if (affine) throw new Error(`'${id}' is read as stored, but is not`);
    return values;
  }
}
