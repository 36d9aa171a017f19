import { allSides, type Graph, type Operation, type Parameter, type ValueId } from "../graph.ts";
import type { Family } from "./family.ts";

export interface ResNet18Options {
  /** Channels of the stem and first stage; stages have width, 2·width, 4·width, 8·width. */
  readonly width: number;
  readonly classes: number;
}

/**
 * ResNet-18 for 32×32 RGB images: 3×3 stem, no max-pool, basic blocks 2-2-2-2
 * (He et al. 2016, in the CIFAR form that the BCU release uses, with its tensor names).
 *
 * @example
 * const graph = resnet18({ width: 64, classes: 10 }); // 11.17 million trainable values
 */
export function resnet18({ width, classes }: ResNet18Options): Graph {
  const operations: Operation[] = [];
  const parameters: Parameter[] = [];

  const conv = (
    name: string,
    input: ValueId,
    channelsIn: number,
    channelsOut: number,
    kernel: number,
    stride: number,
  ): ValueId => {
    const weight = `${name}.weight`;
    parameters.push({
      name: weight,
      role: "conv-weight",
      shape: [channelsOut, channelsIn, kernel, kernel],
    });
    operations.push({
      kind: "conv2d",
      input,
      output: name,
      weight,
      stride: [stride, stride],
      padding: allSides((kernel - 1) / 2),
      dilation: [1, 1],
      groups: 1,
    });
    return name;
  };

  const batchNorm = (name: string, input: ValueId, channels: number): ValueId => {
    parameters.push(
      { name: `${name}.weight`, role: "norm-scale", shape: [channels] },
      { name: `${name}.bias`, role: "norm-shift", shape: [channels] },
      { name: `${name}.running_mean`, role: "running-mean", shape: [channels] },
      { name: `${name}.running_var`, role: "running-variance", shape: [channels] },
    );
    operations.push({
      kind: "batch-norm",
      input,
      output: name,
      scale: `${name}.weight`,
      shift: `${name}.bias`,
      runningMean: `${name}.running_mean`,
      runningVariance: `${name}.running_var`,
      epsilon: 1e-5,
      momentum: 0.1,
    });
    return name;
  };

  const relu = (name: string, input: ValueId): ValueId => {
    operations.push({ kind: "activation", activation: "relu", input, output: name });
    return name;
  };

  const basicBlock = (
    name: string,
    input: ValueId,
    channelsIn: number,
    channels: number,
    stride: number,
  ): ValueId => {
    let main = conv(`${name}.conv1`, input, channelsIn, channels, 3, stride);
    main = batchNorm(`${name}.bn1`, main, channels);
    main = relu(`${name}.relu1`, main);
    main = conv(`${name}.conv2`, main, channels, channels, 3, 1);
    main = batchNorm(`${name}.bn2`, main, channels);
    let shortcut = input;
    if (stride !== 1 || channelsIn !== channels) {
      shortcut = conv(`${name}.shortcut.0`, input, channelsIn, channels, 1, stride);
      shortcut = batchNorm(`${name}.shortcut.1`, shortcut, channels);
    }
    operations.push({ kind: "add", inputs: [main, shortcut], output: `${name}.sum` });
    return relu(`${name}.relu2`, `${name}.sum`);
  };

  let value = relu("relu1", batchNorm("bn1", conv("conv1", "image", 3, width, 3, 1), width));
  let channels = width;
  for (let stage = 1; stage <= 4; stage++) {
    const stageChannels = width * 2 ** (stage - 1);
    for (let block = 0; block < 2; block++) {
      const stride = stage > 1 && block === 0 ? 2 : 1;
      value = basicBlock(`layer${stage}.${block}`, value, channels, stageChannels, stride);
      channels = stageChannels;
    }
  }
  operations.push({ kind: "global-average-pool", input: value, output: "pool" });
  parameters.push(
    { name: "fc.weight", role: "linear-weight", shape: [classes, channels] },
    { name: "fc.bias", role: "linear-bias", shape: [classes] },
  );
  operations.push({
    kind: "linear",
    input: "pool",
    output: "logits",
    weight: "fc.weight",
    bias: "fc.bias",
  });

  return {
    architecture: "resnet18-32",
    input: "image",
    inputShape: { height: 32, width: 32, channels: 3 },
    output: "logits",
    classes,
    operations,
    parameters,
  };
}

export const resnet18Family: Family = {
  title: "ResNet-18 for 32×32 images (3×3 stem, no max-pool; conv1, bn1, layer1–4, fc)",
  suggest: (shapeOf) =>
    resnet18({
      width: shapeOf("conv1.weight")?.[0] ?? 64,
      classes: shapeOf("fc.weight")?.[0] ?? 10,
    }),
  hint: (name, shape) =>
    name === "conv1.weight" && shape[2] === 7
      ? "a 7×7 stem is the form for ImageNet, which Scour does not cleanse yet"
      : undefined,
};
