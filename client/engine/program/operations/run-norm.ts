import type { GroupNormOperation, LayerNormOperation } from "../../../../protocol/model/graph.ts";
import type { ValueWriter } from "../forward-writer.ts";
import type { RunMoments } from "../forward-pass.ts";
import {
  add,
  constant,
  divide,
  multiply,
  REDUCED,
  root,
  subtract,
  type Expression,
} from "../loops/expression.ts";
import {
  everyValue,
  momentsMemory,
  runSums,
  sumOfChannels,
  type NormedRuns,
  type RunPlace,
  type RunReader,
} from "../loops/normed-runs.ts";
import type { Operand } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import type { OperationDescription } from "./operation.ts";

/** Norms that take moments of each image by itself, of whatever lies in a run of values. */

type RunNorm = LayerNormOperation | GroupNormOperation;

/** Scale and shift of every channel, where there are any. */
interface ChannelAffine {
  readonly scale: Operand | undefined;
  readonly shift: Operand | undefined;
}

/** All passes of such a norm: y = (x − μ)/√(σ² + ε)·scale + shift. */
export function runNorm<Step extends RunNorm>(
  runsOf: (writer: ProgramWriter, step: Step) => NormedRuns,
): Omit<OperationDescription<Step, "scale" | "shift">, "judged"> {
  return {
    storedInputs: ({ input }) => [input],

    forward(pass, step) {
      const { writer } = pass;
      const named = (name: string | undefined): Operand | undefined =>
        name === undefined ? undefined : writer.parameter(name);
      const affine = { scale: named(step.scale), shift: named(step.shift) };
      pass.moments.set(step.output, write(pass, runsOf(writer, step), step, affine));
    },

    evaluation: {
      pieces: ({ scale, shift }, lengthOf) => ({
        scale: scale === undefined ? 0 : lengthOf(scale),
        shift: shift === undefined ? 0 : lengthOf(shift),
      }),

      fold(step, model, { scale, shift }) {
        if (step.scale !== undefined) scale.set(model.values(step.scale));
        if (step.shift !== undefined) shift.set(model.values(step.shift));
      },

      write(pass, step, { scale, shift }) {
        write(pass, runsOf(pass.writer, step), step, {
          scale: step.scale === undefined ? undefined : scale,
          shift: step.shift === undefined ? undefined : shift,
        });
      },
    },

    backward(pass, step, dy) {
      const { writer, forward, wanted } = pass;
      const runs = runsOf(writer, step);
      const { input, scale, shift } = step;
      const x = {
        values: forward.readings.get(input)!.values,
        ...forward.moments.get(step.output)!,
      };
      const way = new WayBack(writer, runs, x, dy);
      if (wanted.parameters) {
        if (scale !== undefined) way.scaleGradient(writer.gradient(scale));
        if (shift !== undefined) way.shiftGradient(writer.gradient(shift));
      }
      if (!pass.isWanted(input)) return;
      const dx = writer.activation(input);
      way.inputGradient(dx, scale === undefined ? undefined : writer.parameter(scale));
      pass.pass(input, dx);
    },
  };
}

/** The values that are normalised, with their moments. */
interface Normed extends RunMoments {
  readonly values: Operand;
}

/** (x − μ)/√(σ² + ε) */
function standardised(
  read: RunReader,
  { values, mean, inverse }: Normed,
  at: RunPlace,
): Expression {
  const less = subtract(read.value(values, at), read.ofRun(mean, at));
  return multiply(less, read.ofRun(inverse, at));
}

function write(
  pass: ValueWriter,
  runs: NormedRuns,
  { input, output, epsilon }: RunNorm,
  { scale, shift }: ChannelAffine,
): RunMoments {
  const { writer } = pass;
  const values = pass.reading(input).values;
  const [mean, inverse] = [momentsMemory(writer, runs), momentsMemory(writer, runs)];
  const share = multiply(REDUCED, constant(1 / runs.values));
  const squared = (read: RunReader, at: RunPlace): Expression => {
    const less = subtract(read.value(values, at), read.ofRun(mean, at));
    return multiply(less, less);
  };
  for (const kernel of [
    ...runSums(writer, runs, "norm mean", mean, (read, at) => read.value(values, at), share),
    ...runSums(
      writer,
      runs,
      "norm deviation",
      inverse,
      squared,
      divide(constant(1), root(add(share, constant(epsilon)))),
    ),
  ]) {
    pass.emit(kernel);
  }
  pass.give(output, (y) =>
    everyValue(runs, "norm", y, (read, at) => {
      const normalised = standardised(read, { values, mean, inverse }, at);
      const scaled = scale ? multiply(normalised, read.ofChannel(scale, at)) : normalised;
      return shift ? add(scaled, read.ofChannel(shift, at)) : scaled;
    }),
  );
  return { mean, inverse };
}

/** Kernels of the backward pass. */
class WayBack {
  readonly #writer: ProgramWriter;
  readonly #runs: NormedRuns;
  readonly #x: Normed;
  readonly #dy: Operand;

  constructor(writer: ProgramWriter, runs: NormedRuns, x: Normed, dy: Operand) {
    this.#writer = writer;
    this.#runs = runs;
    this.#x = x;
    this.#dy = dy;
  }

  /** Σ dy·x̂ */
  scaleGradient(gradient: Operand): void {
    const term = (read: RunReader, at: RunPlace): Expression =>
      multiply(read.value(this.#dy, at), standardised(read, this.#x, at));
    sumOfChannels(this.#writer, this.#runs, "norm scale gradient", gradient, term);
  }

  /** Σ dy */
  shiftGradient(gradient: Operand): void {
    const term = (read: RunReader, at: RunPlace): Expression => read.value(this.#dy, at);
    sumOfChannels(this.#writer, this.#runs, "norm shift gradient", gradient, term);
  }

  /** With g = dy·scale: (g − mean(g) − x̂·mean(g·x̂))/√(σ² + ε) */
  inputGradient(dx: Operand, scale: Operand | undefined): void {
    const writer = this.#writer;
    const runs = this.#runs;
    const slope = (read: RunReader, at: RunPlace): Expression => {
      const dy = read.value(this.#dy, at);
      return scale ? multiply(dy, read.ofChannel(scale, at)) : dy;
    };
    const share = multiply(REDUCED, constant(1 / runs.values));
    const [mean, product] = [momentsMemory(writer, runs), momentsMemory(writer, runs)];
    for (const kernel of [
      ...runSums(writer, runs, "norm gradient mean", mean, slope, share),
      ...runSums(
        writer,
        runs,
        "norm gradient product",
        product,
        (read, at) => multiply(slope(read, at), standardised(read, this.#x, at)),
        share,
      ),
      everyValue(runs, "norm gradient", dx, (read, at) => {
        const along = multiply(standardised(read, this.#x, at), read.ofRun(product, at));
        const rest = subtract(subtract(slope(read, at), read.ofRun(mean, at)), along);
        return multiply(rest, read.ofRun(this.#x.inverse, at));
      }),
    ]) {
      writer.emit("backward", kernel);
    }
  }
}
