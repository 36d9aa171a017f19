import type { Sides } from "../../model/values.ts";
import {
  activationOf,
  numberOf,
  paddingOf,
  pairOf,
  requireChannelAxis,
  requireChannelsLast,
  type LayerConfig,
} from "./keras-config.ts";
import type { NetworkBuilder } from "./network-builder.ts";
import { unsupported } from "./unsupported.ts";
import type { Value } from "./value.ts";

/** A layer that is being drawn. */
interface Drawn extends LayerConfig {
  readonly net: NetworkBuilder;
  readonly inputs: readonly Value[];
  /** The first of them, which most have alone. */
  readonly input: Value;
  /** The name of one of its weights: `kernel`, `gamma`. */
  weight(own: string): string;
}

type Draw = (layer: Drawn) => Value;

/** What is not there while a network answers. */
const NOTHING: Draw = ({ input }) => input;

/** An activation that a layer has at its end. */
function activated(layer: Drawn, value: Value): Value {
  const activation = activationOf(layer);
  const { name, net } = layer;
  if (activation === undefined) return value;
  return activation === "softmax"
    ? net.softmax(value, `${name}/softmax`)
    : net.activation(value, `${name}/activation`, activation);
}

function biasOf({ config, weight }: Drawn): string | undefined {
  return config["use_bias"] === false ? undefined : weight("bias");
}

function convolutionOf(layer: Drawn) {
  requireChannelsLast(layer);
  return {
    stride: pairOf(layer, "strides", 1),
    dilation: pairOf(layer, "dilation_rate", 1),
    padding: paddingOf(layer),
  };
}

const conv2d: Draw = (layer) => {
  const { input, name, net, weight } = layer;
  const told = { ...convolutionOf(layer), kernel: weight("kernel"), bias: biasOf(layer) };
  return activated(layer, net.convolution(input, name, "ordinary", told));
};

const depthwiseConv2d: Draw = (layer) => {
  const { input, name, net, weight } = layer;
  const told = { ...convolutionOf(layer), kernel: weight("depthwise_kernel"), bias: biasOf(layer) };
  return activated(layer, net.convolution(input, name, "depthwise", told));
};

/** A depthwise convolution, and one of single positions behind it. */
const separableConv2d: Draw = (layer) => {
  const { input, name, net, weight } = layer;
  const first = { ...convolutionOf(layer), kernel: weight("depthwise_kernel") };
  const between = net.convolution(input, `${name}/depthwise`, "depthwise", first);
  const value = net.convolution(between, name, "ordinary", {
    kernel: weight("pointwise_kernel"),
    bias: biasOf(layer),
    stride: [1, 1],
    dilation: [1, 1],
    padding: "valid",
  });
  return activated(layer, value);
};

const dense: Draw = (layer) => {
  const { input, name, net, weight } = layer;
  return activated(layer, net.dense(input, name, weight("kernel"), biasOf(layer)));
};

const batchNormalization: Draw = (layer) => {
  const { config, input, name, net, weight } = layer;
  requireChannelAxis(layer, net.shape(input).length);
  return net.batchNorm(
    input,
    name,
    {
      scale: config["scale"] === false ? undefined : weight("gamma"),
      shift: config["center"] === false ? undefined : weight("beta"),
      mean: weight("moving_mean"),
      variance: weight("moving_variance"),
    },
    {
      epsilon: numberOf(layer, "epsilon", 1e-3),
      momentum: 1 - numberOf(layer, "momentum", 0.99),
    },
  );
};

const layerNormalization: Draw = (layer) => {
  const { input, name, net, weight } = layer;
  requireChannelAxis(layer, net.shape(input).length);
  return net.layerNorm(
    input,
    name,
    weight("gamma"),
    weight("beta"),
    numberOf(layer, "epsilon", 1e-3),
  );
};

const relu: Draw = (layer) => {
  const { config, input, name, net } = layer;
  const { max_value: most = null, threshold = 0 } = config;
  const slope = numberOf(layer, "negative_slope", 0);
  if (threshold !== 0 || (most !== null && (most !== 6 || slope !== 0))) {
    throw unsupported(
      `'${name}' is a ReLU of max_value ${String(most)}, negative_slope ${slope} and threshold ${String(threshold)}: ReLU, ReLU6 and leaky ReLU are read`,
    );
  }
  if (slope !== 0) return net.activation(input, name, { kind: "leaky-relu", slope });
  return net.activation(input, name, most === null ? "relu" : "relu6");
};

const leakyRelu: Draw = (layer) => {
  const { config, input, name, net } = layer;
  const key = "negative_slope" in config ? "negative_slope" : "alpha";
  return net.activation(input, name, { kind: "leaky-relu", slope: numberOf(layer, key, 0.3) });
};

const elu: Draw = (layer) =>
  layer.net.activation(layer.input, layer.name, {
    kind: "elu",
    alpha: numberOf(layer, "alpha", 1),
  });

const zeroPadding: Draw = (layer) => {
  const { config, input, name, net } = layer;
  requireChannelsLast(layer);
  return net.pad(input, name, sidesOf(config["padding"] ?? 1, name));
};

/** `1`, `[1, 2]` for height and width, `[[0, 1], [0, 1]]` for the four sides. */
function sidesOf(padding: unknown, name: string): Sides {
  const axes: unknown[] = Array.isArray(padding) ? padding : [padding, padding];
  const [rows, columns] = axes.map((axis): unknown[] =>
    Array.isArray(axis) ? axis : [axis, axis],
  );
  const sides = [rows?.[0], rows?.[1], columns?.[0], columns?.[1]];
  if (!sides.every((side) => Number.isSafeInteger(side) && (side as number) >= 0)) {
    throw unsupported(`'${name}' has the padding ${JSON.stringify(padding)}`);
  }
  const [top, bottom, left, right] = sides as [number, number, number, number];
  return { top, bottom, left, right };
}

function windowOf(layer: Drawn) {
  requireChannelsLast(layer);
  const kernel = pairOf(layer, "pool_size", 2);
  return { kernel, stride: pairOf(layer, "strides", kernel), padding: paddingOf(layer) };
}

const globalAverage: Draw = (layer) => {
  const { config, input, name, net } = layer;
  requireChannelsLast(layer);
  return net.mean(input, name, config["keepdims"] === true);
};

const globalMax: Draw = (layer) => {
  const { config, input, name, net } = layer;
  requireChannelsLast(layer);
  const [height, width] = net.shape(input) as [number, number, number];
  const window = { kernel: [height, width], stride: [1, 1], padding: "valid" } as const;
  const cell = net.maxPool(input, name, window);
  return config["keepdims"] === true ? cell : net.flatten(cell, `${name}/flat`);
};

const reshape: Draw = ({ config, input, name, net }) => {
  const { target_shape: shape } = config;
  if (!Array.isArray(shape) || !shape.every(Number.isSafeInteger)) {
    throw unsupported(`'${name}' has the target_shape ${JSON.stringify(shape)}`);
  }
  return net.reshape(input, name, shape as number[]);
};

const multiply: Draw = ({ inputs, name, net }) => {
  const [one, other, another] = inputs;
  if (one === undefined || other === undefined || another !== undefined) {
    throw unsupported(`'${name}' multiplies ${inputs.length} values, and not two`);
  }
  return net.multiply(one, other, name);
};

const rescaling: Draw = ({ config, input, name, net }) => {
  const numbers = (value: unknown): number[] => {
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.every((number) => typeof number === "number")) return list;
    throw unsupported(`'${name}' scales pixels by ${JSON.stringify(value)}`);
  };
  return net.scale(input, name, numbers(config["scale"]), numbers(config["offset"] ?? 0));
};

/** How each layer of Keras is drawn, by its class. */
const KERAS_LAYERS: Readonly<Record<string, Draw>> = {
  Activation: (layer) => activated(layer, layer.input),
  ActivityRegularization: NOTHING,
  Add: ({ inputs, name, net }) => net.add(inputs, name),
  AlphaDropout: NOTHING,
  AveragePooling2D: (layer) => layer.net.averagePool(layer.input, layer.name, windowOf(layer)),
  BatchNormalization: batchNormalization,
  Concatenate: (layer) => {
    requireChannelAxis(layer, layer.net.shape(layer.input).length);
    return layer.net.concat(layer.inputs, layer.name);
  },
  Conv2D: conv2d,
  Dense: dense,
  DepthwiseConv2D: depthwiseConv2d,
  Dropout: NOTHING,
  ELU: elu,
  Flatten: (layer) => {
    requireChannelsLast(layer);
    return layer.net.flatten(layer.input, layer.name);
  },
  GaussianDropout: NOTHING,
  GaussianNoise: NOTHING,
  GlobalAveragePooling2D: globalAverage,
  GlobalMaxPooling2D: globalMax,
  LayerNormalization: layerNormalization,
  LeakyReLU: leakyRelu,
  MaxPooling2D: (layer) => layer.net.maxPool(layer.input, layer.name, windowOf(layer)),
  Multiply: multiply,
  ReLU: relu,
  Rescaling: rescaling,
  Reshape: reshape,
  SeparableConv2D: separableConv2d,
  Softmax: ({ input, name, net }) => net.softmax(input, name),
  SpatialDropout2D: NOTHING,
  ZeroPadding2D: zeroPadding,
};

/**
 * Draws a layer.
 *
 * @throws ProtocolError `unsupported-model`, naming the layer.
 */
export function drawLayer(
  layer: LayerConfig,
  net: NetworkBuilder,
  inputs: readonly Value[],
  weight: (own: string) => string,
): Value {
  const draw = Object.hasOwn(KERAS_LAYERS, layer.className)
    ? KERAS_LAYERS[layer.className]
    : undefined;
  if (draw === undefined) {
    throw unsupported(
      `the layer '${layer.name}' is a ${layer.className}, which is none of those that are read: ${Object.keys(KERAS_LAYERS).join(", ")}`,
    );
  }
  const [input] = inputs;
  if (input === undefined) throw unsupported(`the layer '${layer.name}' reads nothing`);
  return draw({ ...layer, net, inputs, input, weight });
}
