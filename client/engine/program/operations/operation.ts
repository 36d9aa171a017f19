import type { Operation, ValueId } from "../../../../protocol/model/graph.ts";
import type { JudgedValues, Tensor } from "./judged-values.ts";
import type { Operand } from "../operands.ts";
import type { BackwardWriter } from "../backward-writer.ts";
import type { EvaluationWriter } from "../evaluation-writer.ts";
import type { ForwardWriter } from "../forward-writer.ts";
import type { EvaluationStep, TrainingStep } from "../plan.ts";

/**
 * An operation in all passes of a step; its shape and its parameters are told in
 * `protocol/model/infer-shapes.ts`, what its kernels touch and cost in `kernels/`.
 */
export interface OperationDescription<
  Step extends TrainingStep,
  Piece extends string = never,
  OptionalPiece extends string = never,
> {
  /** Inputs that it reads from memory as they are, and cannot normalise while it reads. */
  storedInputs(step: Step): readonly ValueId[];
  /** The student's forward pass, in training or evaluation mode. */
  forward(pass: ForwardWriter, step: Step): void;
  /** A model's that does not change. */
  readonly evaluation: EvaluationDescription<Step, Piece, OptionalPiece>;
  /**
   * From the gradient of its output to what it gives to those of its parameters, if they are wanted,
   * and to those of its inputs.
   */
  backward(pass: BackwardWriter, step: Step, dy: Operand): void;
  /**
   * By TensorFlow.js, for a second opinion (`client/judge/`): what the graph says, nothing folded into
   * it, so that nothing is shared with the passes above. The tensor belongs to the caller.
   */
  judged(values: JudgedValues, operation: OperationOf<Step>): Tensor;
}

/** What stands in the graph for a step. */
type OperationOf<Step extends TrainingStep> = Extract<Operation, { kind: Step["kind"] }>;

/** What an operation, or several folded into one, is in evaluation mode. */
export interface EvaluationDescription<
  Step extends EvaluationStep,
  Piece extends string = never,
  OptionalPiece extends string = never,
> {
  /** Lengths of the pieces of the model that it reads, by name, in floats. */
  pieces(step: Step, lengthOf: (parameter: string) => number): Pieces<Piece, OptionalPiece, number>;
  /** Fills its pieces. */
  fold(step: Step, model: ModelValues, pieces: Pieces<Piece, OptionalPiece, Float32Array>): void;
  write(pass: EvaluationWriter, step: Step, pieces: Pieces<Piece, OptionalPiece, Operand>): void;
}

/** Something of each piece, and of those that not every step has. */
type Pieces<Piece extends string, OptionalPiece extends string, T> = Readonly<
  Record<Piece, T> & Partial<Record<OptionalPiece, T>>
>;

/** A model's parameters by name, as the state vector has them. */
export interface ModelValues {
  values(parameter: string): Float32Array;
  shape(parameter: string): readonly number[];
}

/** Of an operation that has no parameters. */
export const NO_PIECES = {
  pieces: (): Readonly<Record<never, number>> => ({}),
  fold(): void {
    // There is nothing to fill.
  },
};
