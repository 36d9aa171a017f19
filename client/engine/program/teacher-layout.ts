import { type Graph, sizeOf } from "../../../protocol/model/graph.ts";
import { entryView, type StateLayout } from "../../../protocol/model/state-layout.ts";
import { EngineError } from "../engine-error.ts";
import type { ModelValues } from "./operations/operation.ts";
import { evaluationOf } from "./operations/operations.ts";
import type { Operand } from "./operands.ts";
import { evaluationPlan, type EvaluationStep } from "./plan.ts";

/** Floats: 256 bytes, so that each piece can be bound by itself. */
const ALIGNMENT = 64;

/** A model ready for evaluation: batch norms folded into the convolutions before them. */
export interface TeacherLayout {
  /** Every step, in order, with the pieces of the model that it reads, by name. */
  readonly pieces: ReadonlyMap<EvaluationStep, Readonly<Record<string, Operand>>>;
  readonly length: number;
}

/** Where the folded values of a graph lie in the `teacher` region. */
export function teacherLayout(graph: Graph): TeacherLayout {
  const shapes = new Map(graph.parameters.map(({ name, shape }) => [name, shape]));
  const lengthOf = (name: string): number => sizeOf(shapes.get(name)!);
  let length = 0;
  const place = (size: number): Operand => {
    const offset = length;
    length += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    return { region: "teacher", offset, length: size };
  };
  const pieces = new Map(
    evaluationPlan(graph).steps.map((step) => {
      const lengths = evaluationOf(step).pieces(step, lengthOf);
      return [step, mapValues(lengths, place)] as const;
    }),
  );
  return { pieces, length };
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
  const model: ModelValues = {
    values: (name) => entryView(state, entryOf(name)),
    shape: (name) => entryOf(name).shape,
  };
  const folded = new Float32Array(length);
  for (const [step, operands] of pieces) {
    const views = mapValues(operands, ({ offset, length: size }) =>
      folded.subarray(offset, offset + size),
    );
    evaluationOf(step).fold(step, model, views);
  }
  return folded;
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
