import type { BatchNormOperation, ValueId } from "../../../../protocol/model/graph.ts";
import type { Tensor1D, Tensor4D } from "./judged-values.ts";
import { EngineError } from "../../engine-error.ts";
import type { BackwardWriter } from "../backward-writer.ts";
import type { ForwardWriter } from "../forward-writer.ts";
import type { Affine, Operand } from "../operands.ts";
import type { NormStep } from "../plan.ts";
import { stored } from "../program-writer.ts";
import type { ModelValues, OperationDescription } from "./operation.ts";

/** y = f(x̂·scale + shift + addend), x̂ = (x − μ)/√(σ² + ε); not stored where readers can do it. */
export const batchNorm: OperationDescription<NormStep, "coefficients"> = {
  storedInputs: ({ input }) => [input],

  forward(pass, step) {
    const { input, output, addend, activation } = step;
    const affine = affineInPass(pass, step);
    const values = pass.stored(input);
    if (addend === undefined && !pass.isStored(output)) {
      pass.readAs(output, { values, affine: { ...affine, activation } });
      return;
    }
    pass.combine(output, {
      x: { values, affine },
      addend: addend === undefined ? undefined : pass.reading(addend),
      activation,
    });
  },

  evaluation: {
    pieces: ({ norm }, lengthOf) => ({ coefficients: 2 * lengthOf(norm.runningMean) }),

    fold({ norm }, model, { coefficients }) {
      const { gains, shifts } = affineOf(norm, model);
      coefficients.set(gains);
      coefficients.set(shifts, gains.length);
    },

    write(pass, { input, output, addend, activation }, { coefficients }) {
      const affine = { coefficients, common: true, activation: undefined };
      pass.combine(output, {
        x: { values: pass.value(input), affine },
        addend: addend === undefined ? undefined : stored(pass.value(addend)),
        activation,
      });
    },
  },

  backward(pass, step, g) {
    const { writer } = pass;
    const { norm, input, output, addend } = step;
    const { channels } = writer.extent(input);
    const record = pass.forward.norms.get(step)!;
    if (record.statistics === "running") {
      if (addend !== undefined) pass.pass(addend, g);
      if (pass.isWanted(input)) pass.pass(input, slope(pass, input, g, record.slopes));
      return;
    }
    const { normalised, saved, count } = record;
    const factors = writer.perGroup(3, channels);
    writer.emit("backward", {
      kind: "norm-gradient-factors",
      channels,
      count,
      sums: pass.sums(output),
      gamma: given(norm.scale, (name) => writer.parameter(name)),
      saved,
      dGamma: given(norm.scale, (name) => writer.gradient(name)),
      dBeta: given(norm.shift, (name) => writer.gradient(name)),
      factors,
    });
    if (addend !== undefined) pass.pass(addend, g);
    if (!pass.isWanted(input)) return;
    const dz = writer.activation(input);
    const shape = { rows: writer.rows(input), cleanRows: writer.cleanRows(input), channels };
    writer.emit("backward", {
      kind: "norm-gradient",
      ...shape,
      g,
      z: normalised.values,
      factors,
      dz,
    });
    pass.pass(input, dz);
  },

  judged: ({ tf, value, parameter }, norm) =>
    tf.batchNorm(
      value<Tensor4D>(norm.input),
      parameter<Tensor1D>(norm.runningMean),
      parameter<Tensor1D>(norm.runningVariance),
      norm.shift === undefined ? undefined : parameter<Tensor1D>(norm.shift),
      norm.scale === undefined ? undefined : parameter<Tensor1D>(norm.scale),
      norm.epsilon,
    ),
};

/** The affine of a norm over the statistics that a pass takes. */
function affineInPass(pass: ForwardWriter, step: NormStep): Affine {
  switch (pass.mode) {
    case "advance":
      return normOfBatch(pass, step, step.norm.momentum);
    case "observe":
      return normOfBatch(pass, step, undefined);
    case "running":
      return runningNorm(pass, step);
    case "measure": {
      const affine = runningNorm(pass, step);
      // Behind what reads the running statistics, since they make room.
      takeStatistics(pass, step, 1);
      return affine;
    }
    default:
      return pass.mode satisfies never;
  }
}

/** The affine of a norm over the batch's statistics. */
function normOfBatch(pass: ForwardWriter, step: NormStep, momentum: number | undefined): Affine {
  const { coefficients, count, saved } = takeStatistics(pass, step, momentum);
  const affine = { coefficients, common: false, activation: undefined };
  const normalised = { values: pass.stored(step.input), affine };
  pass.norms.set(step, { statistics: "batch", normalised, saved, count });
  return affine;
}

/** @param momentum of running statistics; undefined: they stay as they are. */
function takeStatistics(
  { writer, sums }: ForwardWriter,
  { norm, input }: NormStep,
  momentum: number | undefined,
) {
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
    sums: sums.get(input)!,
    gamma: given(norm.scale, (name) => writer.parameter(name)),
    beta: given(norm.shift, (name) => writer.parameter(name)),
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
function runningNorm(pass: ForwardWriter, step: NormStep): Affine {
  const { writer, norms } = pass;
  const { norm, input } = step;
  const { channels } = writer.extent(input);
  const coefficients = writer.workspace(2 * channels);
  const slopes = writer.workspace(2 * channels);
  writer.emit("forward", {
    kind: "running-norm",
    channels,
    gamma: given(norm.scale, (name) => writer.parameter(name)),
    beta: given(norm.shift, (name) => writer.parameter(name)),
    mean: writer.parameter(norm.runningMean),
    variance: writer.parameter(norm.runningVariance),
    epsilon: norm.epsilon,
    coefficients,
    slopes,
  });
  const affine = { coefficients, common: true, activation: undefined };
  const normalised = { values: pass.stored(input), affine };
  norms.set(step, { statistics: "running", normalised, slopes });
  return affine;
}

/** The gradient of a running norm's input: that of its output, times the scale. */
function slope({ writer }: BackwardWriter, input: ValueId, g: Operand, slopes: Operand): Operand {
  const dz = writer.activation(input);
  const affine = { coefficients: slopes, common: true, activation: undefined };
  writer.emit("backward", {
    kind: "combine",
    rows: writer.rows(input),
    channels: writer.extent(input).channels,
    x: { values: g, affine },
    addend: undefined,
    activation: undefined,
    y: dz,
    sums: undefined,
  });
  return dz;
}

/** A norm over running statistics as y = x·gain + shift, in float64. */
export function affineOf(
  norm: BatchNormOperation,
  model: ModelValues,
): { gains: Float64Array; shifts: Float64Array } {
  const mean = model.values(norm.runningMean);
  const variance = model.values(norm.runningVariance);
  const scale = norm.scale === undefined ? undefined : model.values(norm.scale);
  const shift = norm.shift === undefined ? undefined : model.values(norm.shift);
  const gains = Float64Array.from(
    variance,
    (value, c) => (scale?.[c] ?? 1) / Math.sqrt(value + norm.epsilon),
  );
  const shifts = Float64Array.from(mean, (value, c) => (shift?.[c] ?? 0) - value * gains[c]!);
  return { gains, shifts };
}

/** What becomes of a parameter that a norm may be without. */
function given(
  name: string | undefined,
  operandOf: (name: string) => Operand,
): Operand | undefined {
  return name === undefined ? undefined : operandOf(name);
}
