import { isObject, type Json } from "../bundle/folder.ts";
import { layerConfig, type LayerConfig } from "./keras-config.ts";
import { drawLayer } from "./keras-layers.ts";
import type { NetworkBuilder } from "./network-builder.ts";
import { unsupported } from "./unsupported.ts";
import type { Value } from "./value.ts";

/** Models within models. */
const MOST_DEPTH = 8;

const MODELS = new Set(["Functional", "Model", "Sequential"]);

/**
 * Draws a Keras model from its topology (`class_name` and `config`, as `model.get_config()` writes them).
 *
 * @param net what it is drawn with
 * @param names of all weights
 * @returns what the model's output is
 * @throws ProtocolError `unsupported-model`, naming the layer.
 */
export function drawKerasModel(
  topology: Json,
  net: NetworkBuilder,
  names: readonly string[],
): Value {
  const nested = isObject(topology["model_config"]) ? topology["model_config"] : topology;
  const { class_name: className, config } = nested;
  if (typeof className !== "string" || !MODELS.has(className)) {
    throw unsupported(
      `the topology is that of a ${String(className)}, and not of a Sequential or functional model`,
    );
  }
  return new ModelDrawing(net, weightFinder(names), 0).draw(className, config, undefined);
}

/** What a model is called, for people. */
export function kerasName(topology: Json): string {
  const nested = isObject(topology["model_config"]) ? topology["model_config"] : topology;
  const config = nested["config"];
  const name = isObject(config) ? config["name"] : undefined;
  return typeof name === "string" ? name : "sequential";
}

type FindWeight = (layer: string, own: string) => string;

/** Weights are called `<layer>/<weight>`, with the names of what the layer lies in before them or not. */
function weightFinder(names: readonly string[]): FindWeight {
  const all = new Set(names);
  const byEnd = new Map<string, string | undefined>();
  for (const name of names) {
    const end = name.split("/").slice(-2).join("/");
    byEnd.set(end, byEnd.has(end) ? undefined : name);
  }
  return (layer, own) => {
    const name = `${layer}/${own}`;
    if (all.has(name)) return name;
    const found = byEnd.get(name.split("/").slice(-2).join("/"));
    if (found === undefined) {
      throw unsupported(`the layer '${layer}' has no weight '${own}' in the manifest`);
    }
    return found;
  };
}

/** One of the times that a layer is used. */
interface Call {
  readonly layer: LayerConfig;
  readonly inputs: readonly string[];
}

class ModelDrawing {
  readonly #net: NetworkBuilder;
  readonly #weight: FindWeight;
  readonly #depth: number;

  constructor(net: NetworkBuilder, weight: FindWeight, depth: number) {
    if (depth > MOST_DEPTH) throw unsupported(`models lie in models ${depth} deep`);
    this.#net = net;
    this.#weight = weight;
    this.#depth = depth;
  }

  /** @param given what the model reads, where it is within another */
  draw(className: string, config: unknown, given: Value | undefined): Value {
    if (className === "Sequential") return this.#sequential(config, given);
    if (!isObject(config)) throw unsupported("a model of the topology has no configuration");
    return this.#functional(config, given);
  }

  #sequential(config: unknown, given: Value | undefined): Value {
    const listed = isObject(config) ? config["layers"] : config;
    if (!Array.isArray(listed) || listed.length === 0) {
      throw unsupported("a Sequential model of the topology has no layers");
    }
    let value = given;
    for (const layer of listed.map(layerConfig)) {
      if (layer.className === "InputLayer") value ??= this.#image(layer);
      else value = this.#layer(layer, this.#readBy(layer, value));
    }
    if (value === undefined) throw unsupported("a Sequential model of the topology has no layers");
    return value;
  }

  #functional(config: Json, given: Value | undefined): Value {
    const { input_layers: inputs, layers, output_layers: outputs } = config;
    const [input, output] = [onlyOne(inputs, "inputs"), onlyOne(outputs, "outputs")];
    if (!Array.isArray(layers)) throw unsupported("a model of the topology has no layers");
    const calls = callsOf(layers.map(layerConfig));
    const values = new Map<string, Value>();
    const begun = new Set<string>();
    // By a stack of its own: a topology may be as deep as it likes.
    const open = [output];
    for (let key = open.at(-1); key !== undefined; key = open.at(-1)) {
      const call = calls.get(key);
      if (call === undefined) throw unsupported(`the topology reads '${key}', which nothing gives`);
      const missing = call.inputs.filter((needed) => !values.has(needed));
      if (values.has(key)) open.pop();
      else if (missing.length > 0) {
        if (begun.has(key)) throw unsupported(`the topology goes in a circle at '${key}'`);
        begun.add(key);
        open.push(...missing.toReversed());
      } else {
        values.set(key, this.#call(call, key === input, given, values));
        open.pop();
      }
    }
    return values.get(output)!;
  }

  #call(
    { inputs, layer }: Call,
    isInput: boolean,
    given: Value | undefined,
    values: ReadonlyMap<string, Value>,
  ): Value {
    if (layer.className === "InputLayer") {
      if (!isInput) throw unsupported(`'${layer.name}' is a second input, and one is read`);
      return given ?? this.#image(layer);
    }
    return this.#layer(
      layer,
      inputs.map((key) => values.get(key)!),
    );
  }

  #layer(layer: LayerConfig, inputs: readonly Value[]): Value {
    if (MODELS.has(layer.className)) {
      const inner = new ModelDrawing(this.#net, this.#weight, this.#depth + 1);
      return inner.draw(layer.className, layer.config, inputs[0]);
    }
    return drawLayer(layer, this.#net, inputs, (own) => this.#weight(layer.name, own));
  }

  /** What a layer of a row reads: the value before; the first one pictures, unless it is a model that has them. */
  #readBy(layer: LayerConfig, before: Value | undefined): Value[] {
    if (before !== undefined) return [before];
    return MODELS.has(layer.className) ? [] : [this.#image(layer)];
  }

  #image(layer: LayerConfig): Value {
    return this.#net.image(imageShape(layer));
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

/** `[null, height, width, channels]`; height and width may be null, too. */
function imageShape({ config, name }: LayerConfig): Parameters<NetworkBuilder["image"]>[0] {
  const shape = config["batch_input_shape"] ?? config["batch_shape"];
  const [, height, width, channels, more] = (Array.isArray(shape) ? shape : []) as unknown[];
  if (height === null && width === null && isCount(channels) && more === undefined) {
    return { channels };
  }
  if (!isCount(height) || !isCount(width) || !isCount(channels) || more !== undefined) {
    throw unsupported(
      `the input '${name}' has shape ${JSON.stringify(shape)}: pictures are [null, height, width, channels]`,
    );
  }
  return { height, width, channels };
}

function keyOf(layer: string, node: unknown): string {
  return `${layer} (${String(node)})`;
}

/** `["name", 0, 0]`, in a list of its own or not. */
function onlyOne(value: unknown, what: string): string {
  const list: unknown[] = Array.isArray(value) ? value : [];
  const first: unknown = typeof list[0] === "string" ? list : list[0];
  const isOne = Array.isArray(first) && typeof first[0] === "string";
  if (!isOne || (first !== list && list.length !== 1)) {
    throw unsupported(`the model has ${list.length} ${what}, and one is read`);
  }
  return keyOf(first[0] as string, first[1]);
}

function callsOf(layers: readonly LayerConfig[]): ReadonlyMap<string, Call> {
  const calls = new Map<string, Call>();
  for (const layer of layers) {
    const nodes: unknown[] = Array.isArray(layer.inboundNodes) ? layer.inboundNodes : [];
    if (nodes.length === 0) calls.set(keyOf(layer.name, 0), { layer, inputs: [] });
    for (const [index, node] of nodes.entries()) {
      calls.set(keyOf(layer.name, index), { layer, inputs: inputsOf(layer, node) });
    }
  }
  return calls;
}

/** Keras 2 lists what a layer reads; Keras 3 has tensors with a history among its arguments. */
function inputsOf({ name }: LayerConfig, node: unknown): string[] {
  if (Array.isArray(node)) {
    const read: unknown[] = typeof node[0] === "string" ? [node] : node;
    return read.map((tensor) => {
      const isTensor = Array.isArray(tensor) && typeof tensor[0] === "string";
      if (!isTensor) throw unsupported(`'${name}' reads something that is no layer's output`);
      return keyOf(tensor[0] as string, tensor[1]);
    });
  }
  const args: unknown[] = isObject(node) && Array.isArray(node["args"]) ? node["args"] : [];
  const tensors: unknown[] = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
  return tensors.map((tensor) => {
    const config = isObject(tensor) ? tensor["config"] : undefined;
    const history: unknown = isObject(config) ? config["keras_history"] : undefined;
    const isTensor = Array.isArray(history) && typeof history[0] === "string";
    if (!isTensor) throw unsupported(`'${name}' reads something that is no layer's output`);
    return keyOf(history[0] as string, history[1]);
  });
}
