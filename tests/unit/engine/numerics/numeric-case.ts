import type {
  Engine,
  GradientResult,
  Session,
  SessionOptions,
  StepResult,
} from "../../../../client/engine/engine.ts";
import type { Graph } from "../../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../../protocol/model/state-layout.ts";
import { randomState, type RandomGraph } from "./random-graph.ts";

/** A network with a teacher and a student, to be run by an engine and by the reference. */
export interface NumericCase {
  readonly graph: Graph;
  readonly layout: StateLayout;
  readonly teacher: Float32Array;
  readonly student: Float32Array;
  readonly normGroupSize: number | undefined;
  /** Seed of whatever else the case needs: images, targets. */
  readonly seed: number;
}

/** What a scenario saw; left out what it did not ask for. */
export interface Outcome {
  /** By whose they are. */
  readonly logits?: Readonly<Record<string, Float32Array>>;
  readonly gradient?: GradientResult;
  readonly results?: readonly StepResult[];
  /** Whole state vectors, each compared by its change from the student loaded. */
  readonly states?: readonly Float32Array[];
  /** Perturbations and gradients by them, by what they are. */
  readonly perturbations?: Readonly<Record<string, Float32Array>>;
}

/** Calls on a session whose student is loaded; the same for an engine and for the reference. */
export type Scenario = (session: Session, at: NumericCase) => Promise<Outcome>;

/** Draws a teacher and a student for a network. */
export function drawCase(
  { graph, layout }: RandomGraph,
  normGroupSize: number | undefined,
  seed: number,
): NumericCase {
  return {
    graph,
    layout,
    teacher: randomState(layout, seed),
    student: randomState(layout, seed + 1),
    normGroupSize,
    seed: seed + 2,
  };
}

/** How a session for the case is opened. */
export function optionsOf({ graph, layout, teacher, normGroupSize }: NumericCase): SessionOptions {
  return { graph, layout, teacher, normGroupSize };
}

/** Runs a case on an engine: opens a session, loads the student, closes the session at the end. */
export async function onEngine<T>(
  engine: Engine,
  drawn: NumericCase,
  use: (session: Session, drawn: NumericCase) => Promise<T>,
): Promise<T> {
  const session = engine.openSession(optionsOf(drawn));
  try {
    session.load(drawn.student);
    return await use(session, drawn);
  } finally {
    session.close();
  }
}
