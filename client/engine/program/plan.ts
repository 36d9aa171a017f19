import {
  operationInputs,
  type Activation,
  type BatchNormOperation,
  type Conv2dOperation,
  type Graph,
  type Operation,
  type ValueId,
} from "../../../protocol/model/graph.ts";
import { inferShapes } from "../../../protocol/model/infer-shapes.ts";
import { sizeOf, type ValueShape } from "../../../protocol/model/values.ts";
import { EngineError } from "../engine-error.ts";
import { rulesOf } from "./activations.ts";

/** f(norm(x) + addend), f an activation or none: a batch norm with what directly follows it. */
export interface NormStep {
  readonly kind: "batch-norm";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly norm: BatchNormOperation;
  readonly addend: ValueId | undefined;
  readonly activation: Activation | undefined;
}

/** f(conv(x)·scale + shift + addend), f an activation or none: a norm folded into weights, in evaluation. */
export interface FoldedConvStep {
  readonly kind: "folded-conv";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly conv: Conv2dOperation;
  readonly norm: BatchNormOperation;
  readonly addend: ValueId | undefined;
  readonly activation: Activation | undefined;
}

/** An operation, one of each kind; a batch norm with what it takes up. */
export type TrainingStep = Exclude<Operation, BatchNormOperation> | NormStep;
export type EvaluationStep = TrainingStep | FoldedConvStep;

export interface Plan<Step> {
  readonly steps: readonly Step[];
  readonly input: ValueId;
  readonly output: ValueId;
  /** For each step, the values nobody reads after it (liveness). */
  readonly lastUses: readonly (readonly ValueId[])[];
}

/** Values a step reads. */
export function stepInputs(step: EvaluationStep): readonly ValueId[] {
  switch (step.kind) {
    case "batch-norm":
    case "folded-conv":
      return step.addend === undefined ? [step.input] : [step.input, step.addend];
    default:
      return operationInputs(step);
  }
}

/**
 * Orders a graph for training: each batch norm takes up the addition and the activation that
 * follow it, where nothing else reads the value between. An activation whose derivative is told from
 * its input is not taken up behind an addition: the sum has to be there for the way back.
 *
 * @throws EngineError `invalid-input` when a value is read before it is written, or written twice.
 *
 * @example
 * const plan = trainingPlan(resnet18({ width: 16, classes: 10 }));
 */
export function trainingPlan(graph: Graph): Plan<TrainingStep> {
  const steps = fusedSteps(graph, readersOf(graph), keepsInput);
  return { steps, input: graph.input, output: graph.output, lastUses: lastUses(steps, graph) };
}

/** Whether a way back through an activation needs what it was given. */
function keepsInput(activation: Activation): boolean {
  return rulesOf(activation).derivativeFrom === "input";
}

/**
 * The operations in order, what follows batch norms taken up.
 *
 * @param apart activations that are not taken up behind an addition
 */
function fusedSteps(
  graph: Graph,
  readers: Readers,
  apart: (activation: Activation) => boolean,
): TrainingStep[] {
  const shapes = inferShapes(graph);
  const steps: TrainingStep[] = [];
  const producer = new Map<ValueId, number>();

  for (const operation of graph.operations) {
    const fused = fuse(operation, steps, producer, { readers, shapes }, apart);
    if (fused) {
      steps[fused.index] = fused.step;
      producer.set(fused.step.output, fused.index);
      continue;
    }
    producer.set(operation.output, steps.length);
    steps.push(operation.kind === "batch-norm" ? normStep(operation) : operation);
  }
  return steps;
}

/**
 * Orders a graph for evaluation, from which there is no way back: as for training, with every
 * activation behind an addition taken up; and a convolution that only a batch norm reads takes up that
 * norm.
 */
export function evaluationPlan(graph: Graph): Plan<EvaluationStep> {
  const readers = readersOf(graph);
  const convolutions = new Map<ValueId, Conv2dOperation>();
  const steps: EvaluationStep[] = [];
  const fused = fusedSteps(graph, readers, () => false);
  for (const step of fused) {
    if (step.kind === "conv2d") convolutions.set(step.output, step);
  }
  const folded = new Set<ValueId>();
  for (const step of fused) {
    if (step.kind !== "batch-norm") continue;
    if (convolutions.has(step.input) && readers.get(step.input)?.length === 1) {
      folded.add(step.input);
    }
  }
  for (const step of fused) {
    if (step.kind === "conv2d" && folded.has(step.output)) continue;
    const conv =
      step.kind === "batch-norm" && folded.has(step.input) && convolutions.get(step.input);
    if (step.kind === "batch-norm" && conv) {
      const { output, norm, addend, activation } = step;
      steps.push({
        kind: "folded-conv",
        input: conv.input,
        output,
        conv,
        norm,
        addend,
        activation,
      });
    } else {
      steps.push(step);
    }
  }
  return { steps, input: graph.input, output: graph.output, lastUses: lastUses(steps, graph) };
}

function normStep(norm: BatchNormOperation): NormStep {
  const { input, output } = norm;
  return { kind: "batch-norm", input, output, norm, addend: undefined, activation: undefined };
}

/** The norm step that can take `operation` up, with it taken up. */
function fuse(
  operation: Operation,
  steps: readonly TrainingStep[],
  producer: ReadonlyMap<ValueId, number>,
  {
    readers,
    shapes,
  }: { readonly readers: Readers; readonly shapes: ReadonlyMap<ValueId, ValueShape> },
  apart: (activation: Activation) => boolean,
): { index: number; step: NormStep } | undefined {
  const inputs = operationInputs(operation);
  const soleReader = (value: ValueId): boolean => readers.get(value)?.length === 1;
  if (operation.kind === "activation") {
    const { input, output, activation } = operation;
    const index = producer.get(input);
    const step = index === undefined ? undefined : steps[index];
    if (step?.kind !== "batch-norm" || step.activation || !soleReader(input)) return undefined;
    if (step.addend !== undefined && apart(activation)) return undefined;
    return { index: index!, step: { ...step, output, activation } };
  }
  const sizes = new Set(inputs.map((id) => sizeOf(shapes.get(id)!)));
  if (operation.kind === "add" && inputs[0] !== inputs[1] && sizes.size === 1) {
    // The later of the two producers, so that the other value exists by then.
    const [first, second] = operation.inputs;
    const position = (value: ValueId): number => producer.get(value) ?? -1;
    const [late, early] = position(first) > position(second) ? [first, second] : [second, first];
    const index = position(late);
    const step = steps[index];
    if (
      step?.kind !== "batch-norm" ||
      step.activation ||
      step.addend !== undefined ||
      !soleReader(late)
    ) {
      return undefined;
    }
    return { index, step: { ...step, output: operation.output, addend: early } };
  }
  return undefined;
}

type Readers = ReadonlyMap<ValueId, readonly Operation[]>;

function readersOf(graph: Graph): Readers {
  const readers = new Map<ValueId, Operation[]>([[graph.input, []]]);
  for (const operation of graph.operations) {
    for (const value of operationInputs(operation)) {
      const list = readers.get(value);
      if (!list) {
        throw new EngineError(
          "invalid-input",
          `operation '${operation.output}' of ${graph.architecture} reads '${value}' before it is written`,
        );
      }
      list.push(operation);
    }
    if (readers.has(operation.output)) {
      throw new EngineError(
        "invalid-input",
        `value '${operation.output}' of ${graph.architecture} is written twice`,
      );
    }
    readers.set(operation.output, []);
  }
  const output = readers.get(graph.output);
  if (!output) {
    throw new EngineError("invalid-input", `no operation of the graph writes '${graph.output}'`);
  }
  return readers;
}

function lastUses(steps: readonly EvaluationStep[], graph: Graph): ValueId[][] {
  const last = new Map<ValueId, number>();
  steps.forEach((step, index) => {
    last.set(step.output, index);
    for (const value of stepInputs(step)) last.set(value, index);
  });
  const freed: ValueId[][] = steps.map(() => []);
  for (const [value, index] of last) {
    if (value !== graph.output && value !== graph.input) freed[index]?.push(value);
  }
  return freed;
}
