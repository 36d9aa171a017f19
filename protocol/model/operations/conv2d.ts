import type { Pair, Sides, ValueId } from "../values.ts";
import { checkChannels, isExtent, optional, slide, spatial } from "./operation-shape.ts";
import type { OperationShape } from "./operation-shape.ts";

/** 2-D convolution as in PyTorch's `Conv2d`, with what its padding as a string gives: four sides. */
export interface Conv2dOperation {
  readonly kind: "conv2d";
  readonly input: ValueId;
  readonly output: ValueId;
  /** Parameter `[out, in/groups, kh, kw]`. */
  readonly weight: string;
  /** Parameter `[out]`. */
  readonly bias?: string;
  readonly stride: Pair;
  /** Of zeros. */
  readonly padding: Sides;
  readonly dilation: Pair;
  /**
   * Runs of channels that are convolved apart, `in/groups` to `out/groups` each: 1 for an ordinary
   * convolution, `in` for a depthwise one.
   */
  readonly groups: number;
}

export const conv2dShape: OperationShape<Conv2dOperation> = {
  parameters: ({ weight, bias }) => [
    { name: weight, role: "conv-weight", rank: 4 },
    ...optional(bias, "conv-bias", 1),
  ],
  output({ weight, bias, stride, padding, dilation, groups }, [input], [shape, biasShape], fail) {
    const [out, channels, ...kernel] = shape as [number, number, number, number];
    const [, , inputChannels] = spatial(input!, fail);
    if (!isExtent(groups)) throw fail(`its groups are ${groups}`);
    if (inputChannels % groups !== 0 || out % groups !== 0) {
      throw fail(`${groups} groups do not divide ${inputChannels} channels in and ${out} out`);
    }
    checkChannels(input!, channels * groups, weight, fail);
    if (biasShape !== undefined && biasShape[0] !== out) {
      throw fail(`'${bias}' has ${biasShape[0]} values, '${weight}' ${out}`);
    }
    return [...slide(input!, { kernel, stride, padding, dilation }, fail), out];
  },
};
