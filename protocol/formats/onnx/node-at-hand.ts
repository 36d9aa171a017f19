import { ProtocolError } from "../../errors.ts";
import { constant, type Constant } from "./constants.ts";
import type { OnnxNode } from "./model-proto.ts";
import type { Network } from "./network.ts";
import { symbolName, type Computed, type Stored, type Symbol } from "./symbols.ts";

/** A node whose turn it is: its inputs as symbols, its attributes, and how to say what is wrong with it. */
export class NodeAtHand {
  readonly node: OnnxNode;
  readonly opset: number;
  readonly net: Network;
  readonly #inputs: readonly (Symbol | undefined)[];

  constructor(
    node: OnnxNode,
    opset: number,
    net: Network,
    inputs: readonly (Symbol | undefined)[],
  ) {
    this.node = node;
    this.opset = opset;
    this.net = net;
    this.#inputs = inputs;
  }

  /** What its first output is called. */
  get name(): string {
    return this.node.outputs[0] ?? this.node.name;
  }

  /** The error that says what is wrong here. */
  readonly fail = (detail: string): ProtocolError =>
    new ProtocolError(
      "unsupported-model",
      `node '${this.node.name}' (${this.node.op}, opset ${this.opset}): ${detail}`,
    );

  get inputs(): readonly (Symbol | undefined)[] {
    return this.#inputs;
  }

  /** An input that may be left out. */
  optional(index: number): Symbol | undefined {
    return this.#inputs[index];
  }

  input(index: number): Symbol {
    const symbol = this.#inputs[index];
    if (symbol === undefined) throw this.fail(`it has no input ${index}`);
    return symbol;
  }

  /** A value of the network. */
  computed(index: number): Computed {
    const symbol = this.input(index);
    if (symbol.kind === "computed") return symbol;
    throw this.fail(`it reads ${symbolName(symbol)} where a value of the network is expected`);
  }

  /** A tensor of the file; undefined where the input is left out. */
  stored(index: number): Stored | undefined {
    const symbol = this.optional(index);
    if (symbol === undefined) return undefined;
    if (symbol.kind === "stored") return symbol;
    throw this.fail(
      `it takes ${symbolName(symbol)} as a parameter, which must be an initializer of the file: export the model again for evaluation, with constants folded`,
    );
  }

  /** A tensor of the file that must be there. */
  parameter(index: number): Stored {
    const stored = this.stored(index);
    if (stored === undefined) throw this.fail(`it has no input ${index}`);
    return stored;
  }

  /** Numbers that are known; undefined where the input is left out. */
  constant(index: number): Constant | undefined {
    const symbol = this.optional(index);
    if (symbol === undefined) return undefined;
    const known = asConstant(symbol);
    if (known !== undefined) return known;
    throw this.fail(`it needs numbers that are known beforehand, and gets ${symbolName(symbol)}`);
  }

  /** An attribute that is a number. */
  number(name: string, usual: number): number {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) return usual;
    if (attribute.kind !== "number") throw this.fail(`its '${name}' is no number`);
    return attribute.value;
  }

  /** An attribute that is a list of numbers. */
  numbers(name: string): readonly number[] | undefined {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) return undefined;
    if (attribute.kind !== "numbers") throw this.fail(`its '${name}' is no list of numbers`);
    return attribute.value;
  }

  /** An attribute that is a word. */
  text(name: string, usual: string): string {
    const attribute = this.node.attributes.get(name);
    if (attribute === undefined) return usual;
    if (attribute.kind !== "text") throw this.fail(`its '${name}' is no word`);
    return attribute.value;
  }

  /** A list of numbers that older opsets have as an attribute and later ones as an input. */
  listed(name: string, index: number): readonly number[] | undefined {
    return this.numbers(name) ?? this.constant(index)?.values;
  }
}

/** Numbers that a symbol stands for, if they are known. */
export function asConstant(symbol: Symbol): Constant | undefined {
  if (symbol.kind === "constant") return symbol;
  if (symbol.kind !== "stored" || symbol.tensor.values === undefined) return undefined;
  if (symbol.isTransposed) return undefined;
  return constant(symbol.dims, symbol.tensor.values, symbol.tensor.floats === undefined);
}
