import type { Pair } from "../../model/values.ts";
import { isObject, type Json } from "../bundle/folder.ts";
import { unsupported } from "./unsupported.ts";
import type { Padding } from "./value.ts";

/** A node of TensorFlow's graph (`node_def.proto`, as JSON). */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Names of the nodes whose first output it reads. */
  readonly inputs: readonly string[];
  readonly attributes: Json;
}

/**
 * Reads a topology's nodes.
 *
 * @throws ProtocolError `unsupported-model`.
 */
export function graphNodes(topology: Json): ReadonlyMap<string, GraphNode> {
  const nodes = new Map<string, GraphNode>();
  for (const value of topology["node"] as unknown[]) {
    const { attr, input = [], name, op } = isObject(value) ? value : {};
    const isNode =
      typeof name === "string" &&
      typeof op === "string" &&
      Array.isArray(input) &&
      input.every((other) => typeof other === "string");
    if (!isNode) throw unsupported("the graph has a node without a name, an operation or inputs");
    if (nodes.has(name)) throw unsupported(`the graph has two nodes '${name}'`);
    const inputs = (input as string[]).filter((other) => !other.startsWith("^")).map(nodeName);
    nodes.set(name, { name, op, inputs, attributes: isObject(attr) ? attr : {} });
  }
  return nodes;
}

/** A node by its output's name: `name`, `name:0`. */
export function nodeName(output: string): string {
  const [, name, index] = /^(.*?)(?::(\d+))?$/s.exec(output)!;
  if (index !== undefined && index !== "0") {
    throw unsupported(`the graph reads '${output}', and of operations the first output is read`);
  }
  return name!;
}

function field({ attributes }: GraphNode, key: string, kind: string): unknown {
  const value = attributes[key];
  return isObject(value) ? value[kind] : undefined;
}

/** Text, which JSON has in base64 or as its bytes. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return base64Text(value);
  if (!Array.isArray(value)) return undefined;
  return value.map((byte) => String.fromCharCode(Number(byte))).join("");
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64Text(encoded: string): string {
  let bits = 0;
  let held = 0;
  let decoded = "";
  for (const char of encoded.replace(/=+$/, "")) {
    held = (held << 6) | BASE64.indexOf(char);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    decoded += String.fromCharCode((held >> bits) & 255);
  }
  return decoded;
}

function text(node: GraphNode, key: string, usual: string): string {
  return textOf(field(node, key, "s")) ?? usual;
}

export function texts(node: GraphNode, key: string): string[] {
  const list = field(node, key, "list");
  const values: unknown = isObject(list) ? list["s"] : undefined;
  return Array.isArray(values) ? values.map((value) => textOf(value) ?? "") : [];
}

export function number(node: GraphNode, key: string, usual: number): number {
  const value = field(node, key, "f");
  return typeof value === "number" ? value : usual;
}

export function flag(node: GraphNode, key: string): boolean {
  return field(node, key, "b") === true;
}

/** Whole numbers, which JSON has as text where they are of 64 bits. */
export function integers(node: GraphNode, key: string): number[] | undefined {
  const list = field(node, key, "list");
  const values: unknown = isObject(list) ? list["i"] : undefined;
  return Array.isArray(values) ? values.map(Number) : undefined;
}

/** Extents of a shape; −1 for one that is open. */
export function shapeOf(value: unknown): number[] | undefined {
  const dims: unknown = isObject(value) ? value["dim"] : undefined;
  if (!Array.isArray(dims)) return undefined;
  return dims.map((dim: unknown) => Number(isObject(dim) ? (dim["size"] ?? 0) : 0));
}

export function shapeAttribute(node: GraphNode, key: string): number[] | undefined {
  return shapeOf(field(node, key, "shape"));
}

/** Of what is given for batch, height, width and channels, the two in the middle. */
export function along(node: GraphNode, key: string): Pair {
  const values = integers(node, key) ?? [1, 1, 1, 1];
  const [batch, height, width, channels] = values;
  if (batch !== 1 || channels !== 1 || !(height! > 0) || !(width! > 0)) {
    throw unsupported(`'${node.name}' (${node.op}) has ${key} [${values.join(", ")}]`);
  }
  return [height!, width!];
}

/** The beginning of a text, for messages. */
function short(said: string): string {
  return said.length <= 40 ? said : `${said.slice(0, 40)}…`;
}

export function paddingOf(node: GraphNode): Padding {
  const padding = text(node, "padding", "VALID");
  switch (padding) {
    case "SAME":
      return "same";
    case "VALID":
      return "valid";
    case "EXPLICIT": {
      const [, , top, bottom, left, right] = integers(node, "explicit_paddings") ?? [];
      return { top: top!, bottom: bottom!, left: left!, right: right! };
    }
    default:
      throw unsupported(`'${node.name}' (${node.op}) has the padding ${short(padding)}`);
  }
}

export function requireChannelsLast(node: GraphNode): void {
  if (text(node, "data_format", "NHWC") === "NHWC") return;
  throw unsupported(`'${node.name}' (${node.op}) has its channels first, which is not read`);
}
