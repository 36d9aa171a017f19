import type { Activation } from "../../model/graph.ts";
import type { Pair } from "../../model/values.ts";
import { isObject, type Json } from "../bundle/folder.ts";
import { unsupported } from "./unsupported.ts";
import type { Padding } from "./value.ts";

/** A layer as Keras writes it into a topology. */
export interface LayerConfig {
  readonly className: string;
  readonly name: string;
  readonly config: Json;
  readonly inboundNodes: unknown;
}

/**
 * Reads what a topology says of a layer.
 *
 * @throws ProtocolError `unsupported-model`.
 */
export function layerConfig(value: unknown): LayerConfig {
  const {
    class_name: className,
    config,
    inbound_nodes: inboundNodes,
    name,
  } = isObject(value) ? value : {};
  if (typeof className !== "string" || !isObject(config)) {
    throw unsupported("the topology has a layer without a class or a configuration");
  }
  const own = typeof name === "string" ? name : config["name"];
  if (typeof own !== "string") throw unsupported(`a ${className} of the topology has no name`);
  return { className, name: own, config, inboundNodes };
}

/** One number for both axes, or one each. */
export function pairOf({ config, name }: LayerConfig, key: string, usual?: unknown): Pair {
  const value = config[key] ?? usual;
  const [first, second, ...more]: unknown[] = Array.isArray(value) ? value : [value, value];
  if (more.length > 0 || !isExtent(first) || !isExtent(second)) {
    throw unsupported(`'${name}' has ${key} ${JSON.stringify(value)}`);
  }
  return [first, second];
}

function isExtent(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

export function paddingOf({ config, name }: LayerConfig): Padding {
  const { padding = "valid" } = config;
  if (padding !== "same" && padding !== "valid") {
    throw unsupported(`'${name}' has the padding ${JSON.stringify(padding)}`);
  }
  return padding;
}

/** What layers with channels in another place than last are not. */
export function requireChannelsLast({ config, name }: LayerConfig): void {
  const { data_format: format = "channels_last" } = config;
  if (format === "channels_last" || format === null) return;
  throw unsupported(
    `'${name}' has its channels ${JSON.stringify(format)}: TensorFlow.js itself computes such models on few devices; save it with channels_last`,
  );
}

export function numberOf({ config, name }: LayerConfig, key: string, usual: number): number {
  const value = config[key] ?? usual;
  if (typeof value !== "number") throw unsupported(`'${name}' has ${key} ${JSON.stringify(value)}`);
  return value;
}

/** One axis, which must be the channels: −1, or the last of so many. */
export function requireChannelAxis({ config, name }: LayerConfig, rank: number): void {
  const { axis = -1 } = config;
  const one: unknown = Array.isArray(axis) && axis.length === 1 ? axis[0] : axis;
  if (one === -1 || one === rank) return;
  throw unsupported(`'${name}' has the axis ${JSON.stringify(axis)}, and not that of the channels`);
}

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  relu: "relu",
  relu6: "relu6",
  sigmoid: "sigmoid",
  tanh: "tanh",
  swish: "silu",
  silu: "silu",
  gelu: "gelu",
  gelu_new: "gelu-tanh",
  elu: { kind: "elu", alpha: 1 },
};

/** A function by its name in a layer's configuration; none, or the softmax of the answers. */
export function activationOf(
  layer: LayerConfig,
  key = "activation",
): Activation | "softmax" | undefined {
  const value = layer.config[key];
  const name = isObject(value) ? (value["class_name"] ?? value["config"]) : (value ?? "linear");
  if (name === "linear") return undefined;
  if (name === "softmax") return "softmax";
  const known = typeof name === "string" ? ACTIVATIONS[name] : undefined;
  if (known === undefined) {
    throw unsupported(
      `'${layer.name}' has the activation ${JSON.stringify(value)}; those that are read are linear, softmax, ${Object.keys(ACTIVATIONS).join(", ")}`,
    );
  }
  return known;
}
