import { ProtocolError } from "../errors.ts";
import {
  CLASSES,
  isTrainable,
  operationInputs,
  type Graph,
  type Operation,
  type Parameter,
  type ValueId,
} from "./graph.ts";
import { shapeOf } from "./operation-shapes.ts";
import { isExtent, type Fail, type ParameterNeed } from "./operations/operation-shape.ts";
import { activationName } from "./operations/pointwise.ts";
import type { ValueShape } from "./values.ts";

function describe(operation: Operation): string {
  const name =
    operation.kind === "activation" ? activationName(operation.activation) : operation.kind;
  return `${name} '${operation.output}'`;
}

/**
 * Computes the shape of every value and validates the graph on the way (SPEC G1): operations in
 * execution order, each value defined once, shapes that fit, every parameter used, and in the role it
 * declares by all operations that use it.
 *
 * @throws ProtocolError `unsupported-model`, naming the operation or parameter.
 *
 * @example
 * inferShapes(graph).get(graph.output); // [10]
 */
export function inferShapes(graph: Graph): ReadonlyMap<ValueId, ValueShape> {
  const { height, width, channels } = graph.inputShape;
  const values = new Map<ValueId, ValueShape>([[graph.input, [height, width, channels]]]);
  const parameters = new ParameterUse(graph.parameters);
  if (![height, width, channels].every(isExtent)) {
    throw unsupported(`the input shape [${height}, ${width}, ${channels}] is not positive`);
  }

  for (const operation of graph.operations) {
    const fail = (detail: string) => unsupported(`${describe(operation)}: ${detail}`);
    const inputs = operationInputs(operation).map((id) => {
      const shape = values.get(id);
      if (shape === undefined) throw fail(`reads '${id}', which no earlier operation gives`);
      return shape;
    });
    if (values.has(operation.output)) throw fail("gives a value that exists already");
    const shape = shapeOf(operation);
    const used = shape.parameters(operation).map((need) => parameters.take(operation, need, fail));
    values.set(operation.output, shape.output(operation, inputs, used, fail));
  }

  parameters.checkAllUsed();
  if (graph.classes < CLASSES.least || graph.classes > CLASSES.most) {
    throw unsupported(
      `the model has ${graph.classes} classes, one of ${CLASSES.least} to ${CLASSES.most} can be cleansed`,
    );
  }
  const output = values.get(graph.output);
  if (output === undefined) throw unsupported(`no operation gives the output '${graph.output}'`);
  if (output.length !== 1 || output[0] !== graph.classes) {
    throw unsupported(
      `the output '${graph.output}' has shape [${output.join(", ")}], ${graph.classes} classes need [${graph.classes}]`,
    );
  }
  return values;
}

function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}

/** Hands parameters out: running statistics to one operation, others to all that want them. */
class ParameterUse {
  readonly #declared = new Map<string, Parameter>();
  readonly #users = new Map<string, string>();

  constructor(parameters: readonly Parameter[]) {
    for (const parameter of parameters) {
      if (this.#declared.has(parameter.name)) {
        throw unsupported(`the parameter '${parameter.name}' is declared twice`);
      }
      if (!parameter.shape.every(isExtent)) {
        throw unsupported(
          `the parameter '${parameter.name}' has shape [${parameter.shape.join(", ")}]: every extent must be positive`,
        );
      }
      this.#declared.set(parameter.name, parameter);
    }
  }

  take(operation: Operation, { name, role, rank }: ParameterNeed, fail: Fail): readonly number[] {
    const parameter = this.#declared.get(name);
    if (parameter === undefined) {
      throw fail(`needs the parameter '${name}', which is not declared`);
    }
    const user = this.#users.get(name);
    if (user !== undefined && !isTrainable(role)) {
      throw fail(`needs '${name}', running statistics that are those of ${user}`);
    }
    if (parameter.role !== role) {
      throw fail(`needs '${name}' as ${role}, it is declared as ${parameter.role}`);
    }
    if (rank !== undefined && parameter.shape.length !== rank) {
      throw fail(
        `needs '${name}' with ${rank} dimensions, its shape is [${parameter.shape.join(", ")}]`,
      );
    }
    this.#users.set(name, describe(operation));
    return parameter.shape;
  }

  checkAllUsed(): void {
    const unused = [...this.#declared.keys()].find((name) => !this.#users.has(name));
    if (unused !== undefined) throw unsupported(`no operation uses the parameter '${unused}'`);
  }
}
