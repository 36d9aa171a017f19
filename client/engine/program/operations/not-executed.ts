import type { Operation } from "../../../../protocol/model/graph.ts";
import { EngineError } from "../../engine-error.ts";
import type { TrainingStep } from "../plan.ts";
import type { OperationDescription } from "./operation.ts";

/** What a graph can say and no kernel does. */
function notExecuted(what: string): EngineError {
  return new EngineError("invalid-input", `${what}: this engine does not execute that`);
}

/** Of an operation that no kernel does: every pass refuses it by name. */
export function refused<Kind extends Operation["kind"]>(
  kind: Kind,
): OperationDescription<Extract<TrainingStep, { kind: Kind }>, string> {
  const refuse = (): never => {
    throw notExecuted(`the operation '${kind}'`);
  };
  return {
    storedInputs: refuse,
    forward: refuse,
    evaluation: { pieces: refuse, fold: refuse, write: refuse },
    backward: refuse,
    judged: refuse,
  };
}
