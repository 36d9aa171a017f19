import type { ProtocolError } from "../../errors.ts";
import { constant, ConstantError, scalar, type Constant } from "./constants.ts";
import type { OnnxAttribute, OnnxGraph, OnnxNode } from "./model-proto.ts";
import type { Network } from "./network.ts";
import { asConstant, NodeAtHand } from "./node-at-hand.ts";
import { FOLDS } from "./operations/folding.ts";
import { OPERATIONS } from "./operations/operations.ts";
import { SEQUENCES, sequenceStep } from "./operations/sequences.ts";
import { symbolName, type Symbol } from "./symbols.ts";
import type { OnnxTensor } from "./tensor-proto.ts";

/** Numbers that are computed while a network is drawn, all constants together. */
const MAX_WORK = 2 ** 22;

/** Rounds of a Loop. */
const MAX_ROUNDS = 64;

/** Names and what they stand for, in a graph and in those around it. */
export class Scope {
  readonly #symbols = new Map<string, Symbol>();
  readonly #around: Scope | undefined;

  constructor(around?: Scope) {
    this.#around = around;
  }

  get(name: string): Symbol | undefined {
    return this.#symbols.get(name) ?? this.#around?.get(name);
  }

  set(name: string, symbol: Symbol): void {
    this.#symbols.set(name, symbol);
  }
}

/** What a tensor of the file stands for. */
function symbolOf(tensor: OnnxTensor): Symbol {
  const { dims, floats, values } = tensor;
  return floats === undefined && values !== undefined
    ? constant(dims, values, true)
    : { kind: "stored", tensor, dims, isTransposed: false };
}

/** Goes through a file's nodes in their order: numbers that are known are computed, all else is drawn. */
export class Drawer {
  readonly #opset: number;
  readonly #net: Network;
  #work = 0;

  constructor(opset: number, net: Network) {
    this.#opset = opset;
    this.#net = net;
  }

  /** Draws a graph's nodes in their order, which is that of execution. */
  run(graph: OnnxGraph, scope: Scope): void {
    for (const tensor of graph.initializers) scope.set(tensor.name, symbolOf(tensor));
    for (const node of graph.nodes) {
      const symbols = this.#symbolsOf(node, scope);
      for (const [i, name] of node.outputs.entries()) {
        const symbol = symbols[i];
        if (name === "" || symbol === undefined) continue;
        scope.set(name, symbol);
      }
    }
  }

  #symbolsOf(node: OnnxNode, scope: Scope): readonly Symbol[] {
    const inputs = node.inputs.map((name) => (name === "" ? undefined : scope.get(name)));
    const at = new NodeAtHand(node, this.#opset, this.#net, inputs);
    const unknown = node.inputs.find((name, i) => name !== "" && inputs[i] === undefined);
    if (unknown !== undefined)
      throw at.fail(`it reads '${unknown}', which nothing before it gives`);
    if (node.domain !== "" && node.domain !== "com.microsoft") throw foreign(at);
    try {
      return this.#drawn(at, scope);
    } catch (error) {
      if (error instanceof ConstantError) throw at.fail(`its numbers do not fit: ${error.message}`);
      throw error;
    }
  }

  #drawn(at: NodeAtHand, scope: Scope): readonly Symbol[] {
    const { node } = at;
    switch (node.op) {
      case "Constant":
        return [constantNode(at)];
      case "If":
        return this.#branch(at, scope);
      case "Loop":
        return this.#loop(at, scope);
      default:
        break;
    }
    if (SEQUENCES.has(node.op)) return [this.#counted(at, sequenceStep(at))];
    const operation = OPERATIONS.get(node.op);
    const folded = this.#folded(at);
    if (folded !== undefined) return [folded];
    if (operation === undefined) throw unread(at);
    const result = operation(at);
    return Array.isArray(result) ? result : [result];
  }

  /** What comes of numbers that are all known; undefined where the network goes on instead. */
  #folded(at: NodeAtHand): Constant | undefined {
    const fold = Object.hasOwn(FOLDS, at.node.op) ? FOLDS[at.node.op] : undefined;
    const given = at.inputs.filter((symbol) => symbol !== undefined);
    // A tensor that is only looked at otherwise stays the file's.
    if (given[0]?.kind === "stored" && VIEWS.has(at.node.op)) return undefined;
    const constants = given.map(asConstant);
    if (fold === undefined || constants.length === 0) return undefined;
    if (!constants.every((one) => one !== undefined)) return undefined;
    return this.#counted(at, fold(at, constants));
  }

  /** Bounds what is computed. */
  #counted<S extends Symbol>(at: NodeAtHand, symbol: S): S {
    if (symbol.kind === "constant") this.#work += symbol.values.length;
    if (symbol.kind === "sequence") this.#work += symbol.items.length;
    if (this.#work > MAX_WORK) throw at.fail("the file computes more with numbers than models do");
    return symbol;
  }

  /** The branch that a known condition takes. */
  #branch(at: NodeAtHand, scope: Scope): Symbol[] {
    const condition = at.constant(0)?.values[0];
    const branch = at.node.attributes.get(condition === 0 ? "else_branch" : "then_branch");
    return this.#within(at, branch, new Scope(scope));
  }

  #within(at: NodeAtHand, attribute: OnnxAttribute | undefined, scope: Scope): Symbol[] {
    if (attribute?.kind !== "graph") throw at.fail("it has no graph within");
    this.#work += attribute.value.nodes.length;
    if (this.#work > MAX_WORK) throw at.fail("the file computes more with numbers than models do");
    this.run(attribute.value, scope);
    return attribute.value.outputs.map(({ name }) => {
      const symbol = scope.get(name);
      if (symbol === undefined) throw at.fail(`nothing within gives '${name}'`);
      return symbol;
    });
  }

  /** A loop over numbers that are known, a known number of times. */
  #loop(at: NodeAtHand, scope: Scope): Symbol[] {
    const rounds = at.constant(0)?.values[0];
    const body = at.node.attributes.get("body");
    let carried = at.inputs.slice(2).map((_, i) => at.input(i + 2));
    const isPlain = body?.kind === "graph" && body.value.outputs.length === carried.length + 1;
    if (rounds === undefined || !(rounds >= 0 && rounds <= MAX_ROUNDS) || !isPlain) {
      throw at.fail("it repeats a part of the network as often as its values say");
    }
    if (carried.some(({ kind }) => kind !== "constant" && kind !== "sequence")) {
      throw at.fail("it repeats operations on values of the network");
    }
    let goesOn: Constant = at.constant(1) ?? scalar(1);
    for (let round = 0; round < rounds && goesOn.values[0] !== 0; round++) {
      const within = new Scope(scope);
      for (const [i, { name }] of body.value.inputs.entries()) {
        const given = [scalar(round), goesOn, ...carried][i];
        if (given !== undefined) within.set(name, given);
      }
      const [condition, ...next] = this.#within(at, body, within);
      goesOn = (condition && asConstant(condition)) ?? scalar(0);
      carried = next;
    }
    return carried;
  }
}

/** Operations that look at a tensor otherwise, and leave it what it is. */
const VIEWS: ReadonlySet<string> = new Set([
  "Identity",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Expand",
]);

/** Operations that compute with integers instead of the floats that a network was trained in. */
const QUANTISED = /^(De)?[Qq]uantize|^QLinear|Integer$|^DynamicQuantize/;

function unread(at: NodeAtHand): ProtocolError {
  const { op } = at.node;
  if (QUANTISED.test(op)) {
    return at.fail(
      "the network is quantised to integers, which cannot be trained: bring the float model that it was made of",
    );
  }
  if (Object.hasOwn(FOLDS, op)) {
    return at.fail(
      `it computes with ${symbolName(at.input(0))}, and Scour knows it for numbers that are known beforehand`,
    );
  }
  return at.fail(
    "Scour has no such operation. docs/MODELS.md lists those that it reads: where the network is known under another form, give its weights as a safetensors or PyTorch file instead",
  );
}

function foreign(at: NodeAtHand): ProtocolError {
  return at.fail(
    `it is of the domain '${at.node.domain}', and Scour reads ONNX's own operations: export the model again without extensions and functions of its own (torch.onnx.export(…, dynamo=False), or onnx.inliner)`,
  );
}

function constantNode(at: NodeAtHand): Symbol {
  for (const [name, attribute] of at.node.attributes) {
    const isInteger = name.startsWith("value_int");
    if (attribute.kind === "tensor") return symbolOf({ ...attribute.value, name: at.name });
    if (attribute.kind === "number") return constant([], [attribute.value], isInteger);
    if (attribute.kind === "numbers") {
      return constant([attribute.value.length], attribute.value, isInteger);
    }
  }
  throw at.fail("it holds no numbers");
}
