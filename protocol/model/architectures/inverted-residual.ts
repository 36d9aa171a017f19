import type { Drawing } from "../drawing.ts";
import type { Activation, ValueId } from "../graph.ts";

/** Names of a convolution and of its norm. */
export type Layer = readonly [conv: string, norm: string];

/** A gate on channels, by what they are on the mean (Hu et al., CVPR 2018). */
interface SqueezeExcitation {
  /** Names of the two 1×1 convolutions. */
  readonly reduce: string;
  readonly expand: string;
  readonly activation: Activation;
  readonly gate: "sigmoid" | "hard-sigmoid";
}

/**
 * An inverted residual (Sandler et al., CVPR 2018): channels are expanded, each is convolved by itself,
 * and they are brought together again. What it read is added where that has the same shape.
 */
export interface InvertedResidual {
  readonly name: string;
  /** Left out where the first block expands nothing. */
  readonly expand?: Layer | undefined;
  readonly depthwise: Layer;
  readonly squeeze?: SqueezeExcitation | undefined;
  readonly project: Layer;
  readonly stride: number;
  readonly activation: Activation;
  readonly padding?: "same" | undefined;
  /** Whether its convolutions have one although norms follow them. */
  readonly bias?: boolean | undefined;
}

export function invertedResidual(net: Drawing, input: ValueId, block: InvertedResidual): ValueId {
  const { activation, bias, depthwise, expand, name, padding, project, squeeze, stride } = block;
  const biased = bias === undefined ? {} : { bias };
  let value = input;
  if (expand !== undefined) {
    value = layer(net, value, expand, { kernel: 1, ...biased });
    value = net.activation(value, activation, `${name}.expanded`);
  }
  value = layer(net, value, depthwise, {
    groups: "depthwise",
    stride,
    ...biased,
    ...(padding && { padding }),
  });
  value = net.activation(value, activation, `${name}.filtered`);
  if (squeeze !== undefined) value = squeezeExcitation(net, value, name, squeeze);
  value = layer(net, value, project, { kernel: 1, ...biased });
  const isResidual = stride === 1 && net.channels(value) === net.channels(input);
  return isResidual ? net.add(value, input, `${name}.sum`) : value;
}

/** A convolution and its norm. */
export function layer(
  net: Drawing,
  input: ValueId,
  [conv, norm]: Layer,
  options: Parameters<Drawing["conv"]>[2],
): ValueId {
  return net.batchNorm(net.conv(input, conv, options), norm);
}

function squeezeExcitation(
  net: Drawing,
  input: ValueId,
  name: string,
  { activation, expand, gate, reduce }: SqueezeExcitation,
): ValueId {
  let value = net.adaptivePool(input, 1, `${name}.squeezed`);
  value = net.conv(value, reduce, { kernel: 1, bias: true });
  value = net.activation(value, activation, `${reduce}.activation`);
  value = net.conv(value, expand, { kernel: 1, bias: true });
  value = net.activation(value, gate, `${expand}.gate`);
  return net.multiply(input, value, `${name}.gated`);
}

/** Timm's names of a block's layers: those of the first stage expand nothing. */
export function timmLayers(
  net: Drawing,
  name: string,
): Pick<InvertedResidual, "expand" | "depthwise" | "project"> {
  const depthwise = `${name}.conv_dw`;
  if (!net.has(`${name}.conv_pwl.weight`)) {
    return {
      depthwise: [depthwise, `${name}.bn1`],
      project: [`${name}.conv_pw`, `${name}.bn2`],
    };
  }
  return {
    expand: [`${name}.conv_pw`, `${name}.bn1`],
    depthwise: [depthwise, `${name}.bn2`],
    project: [`${name}.conv_pwl`, `${name}.bn3`],
  };
}
