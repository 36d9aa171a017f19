import { ProtocolError } from "../../errors.ts";
import type { Graph } from "../../model/graph.ts";
import { Drawer, Scope } from "./drawer.ts";
import { imageOf } from "./image-input.ts";
import type { OnnxGraph, OnnxModel, OnnxNode } from "./model-proto.ts";
import { Network, type FileParameter } from "./network.ts";
import type { Computed, Normalised } from "./symbols.ts";

/** Images in one run where the file leaves it open: a prime that no network has channels of. */
const OPEN_BATCH = 8191;

/** A network drawn from a file. */
export interface Drawn {
  readonly graph: Graph;
  readonly parameters: readonly FileParameter[];
  /** What the file does to its images, channel by channel, before the network. */
  readonly normalised: Normalised | undefined;
  /** What was left out behind the logits, and which node it was. */
  readonly leftOut: readonly string[];
}

/** Nodes that turn logits into what people read, and change nothing of which is largest. */
const BEHIND_LOGITS: ReadonlySet<string> = new Set(["Softmax", "LogSoftmax", "Sigmoid", "ArgMax"]);

/** How many of them may follow each other. */
const MOST_BEHIND = 2;

/**
 * Draws the network of a file for images of one size.
 *
 * @param size side of the images; what the file says, when left out
 * @throws ProtocolError `unsupported-model`, naming the node that cannot be drawn.
 */
export function drawNetwork(model: OnnxModel, size?: number): Drawn {
  const { graph, opset } = model;
  const image = imageOf(model, size);
  const net = new Network(image.batch ?? OPEN_BATCH);
  const scope = new Scope();
  scope.set(image.name, net.image(image.name, image.shape, image.isChannelsLast));
  const { nodes, outputs, leftOut } = withoutEnd(graph);
  new Drawer(opset, net).run({ ...graph, nodes }, scope);
  const [output, ...more] = outputs;
  if (output === undefined || more.length > 0) {
    throw unsupported(
      `the file's network has the outputs ${outputs.map((name) => `'${name}'`).join(", ") || "none"}: Scour cleanses classifiers with one, their logits. Export it with that alone`,
    );
  }
  const logits = scope.get(output);
  if (logits?.kind !== "computed")
    throw unsupported(`nothing in the file computes its output '${output}'`);
  const fail = (detail: string) => unsupported(`the file's output '${output}': ${detail}`);
  const features: Computed = net.features(logits, fail);
  const order = new Map(graph.initializers.map(({ name }, index) => [name, index]));
  const constants = graph.nodes.filter(({ op }) => op === "Constant");
  for (const {
    outputs: [name],
  } of constants)
    if (name !== undefined) order.set(name, order.size);
  const drawn = net.finish(features, { id: image.name, shape: image.shape }, order);
  return { ...drawn, normalised: net.normalised, leftOut };
}

/** A graph without what stands behind its logits. */
function withoutEnd(graph: OnnxGraph): {
  nodes: readonly OnnxNode[];
  outputs: string[];
  leftOut: string[];
} {
  const ends = new Map<string, OnnxNode>();
  for (const node of graph.nodes) {
    if (BEHIND_LOGITS.has(node.op) && node.outputs[0] !== undefined)
      ends.set(node.outputs[0], node);
  }
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const leftOut = new Set<OnnxNode>();
  const outputs = graph.outputs.map(({ name }) => {
    let given = name;
    for (let behind = 0; behind < MOST_BEHIND; behind++) {
      const end = ends.get(given);
      if (end === undefined) break;
      leftOut.add(end);
      given = end.inputs[0] ?? "";
    }
    return given;
  });
  // What others read as well is computed all the same.
  const nodes = graph.nodes.filter(
    (node) => !leftOut.has(node) || isRead(node, read, leftOut, graph),
  );
  return {
    nodes,
    outputs: [...new Set(outputs)],
    leftOut: [...leftOut].map(({ name, op }) => `${op} '${name}'`),
  };
}

function isRead(
  { outputs }: OnnxNode,
  read: ReadonlySet<string>,
  leftOut: ReadonlySet<OnnxNode>,
  graph: OnnxGraph,
): boolean {
  if (!outputs.some((name) => read.has(name))) return false;
  return graph.nodes.some(
    (node) => !leftOut.has(node) && node.inputs.some((name) => outputs.includes(name)),
  );
}

export function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}
