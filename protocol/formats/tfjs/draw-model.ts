import type { Graph } from "../../model/graph.ts";
import { isObject, type JsonFile } from "../bundle/folder.ts";
import { drawGraphModel } from "./graph-model.ts";
import { drawKerasModel, kerasName } from "./keras-model.ts";
import type { Manifest } from "./manifest.ts";
import { NetworkBuilder } from "./network-builder.ts";
import type { SmallConstants } from "./small-constants.ts";
import { unsupported } from "./unsupported.ts";

/** A model as it was drawn. */
export interface DrawnModel {
  readonly graph: Graph;
  /** For people. */
  readonly kind: string;
  /** Of TensorFlow's operations, as its converter leaves them; else of layers. */
  readonly isGraphModel: boolean;
  readonly net: NetworkBuilder;
}

/**
 * Draws the network of a `model.json`.
 *
 * @param side of the pictures, where the model leaves it open
 * @throws ProtocolError `unsupported-model`, naming the layer or node.
 */
export function drawModel(
  { content }: JsonFile,
  manifest: Manifest,
  constants: SmallConstants,
  side: number,
): DrawnModel {
  const { modelTopology: topology } = content;
  if (!isObject(topology)) {
    throw unsupported(
      "model.json has no topology: weights alone do not tell what TensorFlow.js computes with them; save the model with model.save",
    );
  }
  const net = new NetworkBuilder(manifest.weights, side);
  if (Array.isArray(topology["node"])) {
    const output = drawGraphModel(content, topology, manifest, constants, net);
    const graph = net.finish("tfjs-graph", output);
    return { graph, isGraphModel: true, kind: "TensorFlow.js graph model", net };
  }
  const names = manifest.weights.map(({ name }) => name);
  const output = drawKerasModel(topology, net, names);
  return {
    graph: net.finish(kerasName(topology), output),
    isGraphModel: false,
    kind: "TensorFlow.js layers model",
    net,
  };
}

/** Sizes at which a network is drawn to see its weights, where it leaves the size open. */
const TRIED_SIDES = [224, 32, 96, 128, 64, 256] as const;

/** The network at the first size at which it can be drawn: its weights are the same at each. */
export function drawAtAny(drawAt: (side: number) => DrawnModel): DrawnModel {
  let refused: unknown;
  for (const side of TRIED_SIDES) {
    try {
      return drawAt(side);
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}
