import { type Graph, sizeOf } from "../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../protocol/model/state-layout.ts";
import { EngineError } from "../engine-error.ts";
import { evaluationPlan, type EvaluationStep } from "./plan.ts";
import { toChannelsLast } from "./device-layout.ts";
import type { Operand } from "./operands.ts";

/** Floats: 256 bytes, so that each piece can be bound by itself. */
const ALIGNMENT = 64;

/** A model ready for evaluation: batch norms folded into the convolutions before them. */
export interface TeacherLayout {
  /** Of a step that has weights, its pieces: weight and bias, or a norm's `[2, C]`. */
  readonly pieces: ReadonlyMap<EvaluationStep, readonly Operand[]>;
  readonly steps: readonly EvaluationStep[];
  readonly length: number;
}

/** Where the folded values of a graph lie in the `teacher` region. */
export function teacherLayout(graph: Graph): TeacherLayout {
  const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]));
  const sizeOfParameter = (name: string): number => sizeOf(shapes.get(name)!);
  const { steps } = evaluationPlan(graph);
  const pieces = new Map<EvaluationStep, readonly Operand[]>();
  let length = 0;
  const place = (...sizes: readonly number[]): Operand[] =>
    sizes.map((size) => {
      const operand: Operand = { region: "teacher", offset: length, length: size };
      length += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
      return operand;
    });
  for (const step of steps) {
    switch (step.kind) {
      case "conv2d":
        pieces.set(step, place(sizeOfParameter(step.weight)));
        break;
      case "folded-conv":
        pieces.set(
          step,
          place(sizeOfParameter(step.conv.weight), sizeOfParameter(step.norm.shift)),
        );
        break;
      case "norm":
        pieces.set(step, place(2 * sizeOfParameter(step.norm.shift)));
        break;
      case "linear":
        pieces.set(step, place(sizeOfParameter(step.weight), sizeOfParameter(step.bias)));
        break;
      case "activation":
      case "add":
      case "global-average-pool":
        break;
      default:
        step satisfies never;
    }
  }
  return { pieces, steps, length };
}

/**
 * The values of a `teacher` region: γ/√(σ²+ε) multiplied into the weights, β − μ·γ/√(σ²+ε) as bias,
 * in float64, rounded once.
 *
 * @param state the model's whole state vector
 */
export function foldTeacher(
  { pieces, length }: TeacherLayout,
  layout: StateLayout,
  state: Float32Array,
): Float32Array<ArrayBuffer> {
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  const entryOf = (name: string) => {
    const entry = entries.get(name);
    if (!entry) throw new EngineError("invalid-input", `the layout has no tensor '${name}'`);
    return entry;
  };
  const valuesOf = (name: string): Float32Array => entryView(state, entryOf(name));
  const folded = new Float32Array(length);
  for (const [step, operands] of pieces) {
    const [first, second] = operands.map(({ offset, length: size }) =>
      folded.subarray(offset, offset + size),
    ) as [Float32Array, Float32Array];
    switch (step.kind) {
      case "conv2d": {
        const { shape } = entryOf(step.weight);
        first.set(toChannelsLast(valuesOf(step.weight), shape));
        break;
      }
      case "folded-conv": {
        const { shape } = entryOf(step.conv.weight);
        const { gains, shifts } = affineOf(step.norm, valuesOf);
        const weight = toChannelsLast(valuesOf(step.conv.weight), shape);
        const channels = gains.length;
        for (let i = 0; i < weight.length; i++) first[i] = weight[i]! * gains[i % channels]!;
        second.set(shifts);
        break;
      }
      case "norm": {
        const { gains, shifts } = affineOf(step.norm, valuesOf);
        first.set(gains);
        first.set(shifts, gains.length);
        break;
      }
      case "linear":
        first.set(valuesOf(step.weight));
        second.set(valuesOf(step.bias));
        break;
      case "activation":
      case "add":
      case "global-average-pool":
        break;
      default:
        step satisfies never;
    }
  }
  return folded;
}

function affineOf(
  norm: Extract<EvaluationStep, { kind: "norm" }>["norm"],
  valuesOf: (name: string) => Float32Array,
): { gains: Float64Array; shifts: Float64Array } {
  const scale = valuesOf(norm.scale);
  const shift = valuesOf(norm.shift);
  const mean = valuesOf(norm.runningMean);
  const variance = valuesOf(norm.runningVariance);
  const gains = Float64Array.from(scale, (g, c) => g / Math.sqrt(variance[c]! + norm.epsilon));
  const shifts = Float64Array.from(shift, (b, c) => b - mean[c]! * gains[c]!);
  return { gains, shifts };
}
