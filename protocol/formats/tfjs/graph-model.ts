import { isObject, type Json } from "../bundle/folder.ts";
import { drawNode, type Drawn } from "./graph-operations.ts";
import { graphNodes, nodeName, shapeAttribute, shapeOf, type GraphNode } from "./graph-nodes.ts";
import type { Manifest } from "./manifest.ts";
import type { NetworkBuilder } from "./network-builder.ts";
import { unsupported } from "./unsupported.ts";
import type { Value } from "./value.ts";
import type { SmallConstants } from "./small-constants.ts";

/**
 * Draws a graph model: what its output needs of the graph of TensorFlow's operations, in an order in which
 * each reads what is there.
 *
 * @param content of model.json
 * @returns what the graph's output is
 * @throws ProtocolError `unsupported-model`, naming the node.
 */
export function drawGraphModel(
  content: Json,
  topology: Json,
  manifest: Manifest,
  constants: SmallConstants,
  net: NetworkBuilder,
): Value {
  const nodes = graphNodes(topology);
  const shapes = new Map(manifest.weights.map(({ name, shape }) => [name, shape]));
  const readers = readersOf(nodes);
  const output = outputOf(content, nodes, readers);
  const drawn = new Map<string, Drawn>();
  const begun = new Set<string>();
  const open = [output];
  for (let name = open.at(-1); name !== undefined; name = open.at(-1)) {
    const node = nodes.get(name);
    if (node === undefined) throw unsupported(`the graph reads '${name}', which nothing gives`);
    const missing = node.inputs.filter((input) => !drawn.has(input));
    if (drawn.has(name)) open.pop();
    else if (missing.length > 0) {
      if (begun.has(name)) throw unsupported(`the graph goes in a circle at '${name}'`);
      begun.add(name);
      open.push(...missing.toReversed());
    } else {
      drawn.set(name, draw(node));
      open.pop();
    }
  }
  const end = drawn.get(output)!;
  if (end.kind !== "value") throw unsupported(`the graph's output '${output}' is no value of it`);
  return end.value;

  function draw(node: GraphNode): Drawn {
    if (node.op === "Placeholder") return { kind: "value", value: image(node, content, net) };
    if (node.op === "Const") {
      const shape = shapes.get(node.name);
      if (shape === undefined) throw unsupported(`the weight '${node.name}' is missing`);
      const numbers = constants.get(node.name);
      return { kind: "constant", weight: node.name, shape, ...(numbers && { numbers }) };
    }
    const inputs = node.inputs.map((input) => ({
      drawn: drawn.get(input)!,
      isReadOnce: readers.get(input) === 1,
    }));
    return drawNode(node, inputs, net);
  }
}

/** How many nodes read each. */
function readersOf(nodes: ReadonlyMap<string, GraphNode>): ReadonlyMap<string, number> {
  const readers = new Map<string, number>();
  for (const { inputs } of nodes.values()) {
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  return readers;
}

/** The signature of a model, where a converter has put it. */
function signatureOf(content: Json): Json {
  const { signature, userDefinedMetadata: metadata } = content;
  if (isObject(signature)) return signature;
  const inside = isObject(metadata) ? metadata["signature"] : undefined;
  return isObject(inside) ? inside : {};
}

function outputOf(
  content: Json,
  nodes: ReadonlyMap<string, GraphNode>,
  readers: ReadonlyMap<string, number>,
): string {
  const { outputs } = signatureOf(content);
  const told = isObject(outputs) ? Object.values(outputs) : [];
  const names = told.map((output) => (isObject(output) ? output["name"] : undefined));
  const ends = names.every((name) => typeof name === "string")
    ? names.map((name) => nodeName(name))
    : [];
  const all = ends.length > 0 ? ends : [...nodes.keys()].filter((name) => !readers.has(name));
  const [output, another] = all;
  if (output === undefined || another !== undefined) {
    throw unsupported(`the graph has ${all.length} outputs, and one is read`);
  }
  return output;
}

function image(node: GraphNode, content: Json, net: NetworkBuilder): Value {
  const { inputs } = signatureOf(content);
  const told = isObject(inputs) ? Object.values(inputs) : [];
  const own = told.find(
    (input) =>
      isObject(input) && typeof input["name"] === "string" && nodeName(input["name"]) === node.name,
  );
  const shapes = [
    shapeAttribute(node, "shape"),
    isObject(own) ? shapeOf(own["tensorShape"]) : undefined,
  ];
  const pictures = shapes.filter((extents) => extents?.length === 4);
  const shape = pictures.find((extents) => extents![1]! > 0) ?? pictures[0];
  const [, height, width, channels] = shape ?? [];
  const isOpen = height === -1 && width === -1;
  if (channels === undefined || channels < 1 || (!isOpen && !(height! > 0 && width! > 0))) {
    throw unsupported(
      `the input '${node.name}' has shape ${JSON.stringify(shape)}: pictures are [-1, height, width, channels]`,
    );
  }
  return net.image(isOpen ? { channels } : { height: height!, width: width!, channels });
}
