import type { Pair, Sides, ValueId } from "../values.ts";
import { channelsOf, isExtent, slide, spatial, type OperationShape } from "./operation-shape.ts";

/** Of a map or of tokens. */
const NOT_DILATED: Pair = [1, 1];

/** The largest value of every window; the first in row order takes the gradient. */
export interface MaxPoolOperation {
  readonly kind: "max-pool";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly kernel: Pair;
  readonly stride: Pair;
  /** Of what is smaller than everything. PyTorch's `ceil_mode` is more of it below and to the right. */
  readonly padding: Sides;
}

/** The mean of every window. */
export interface AveragePoolOperation {
  readonly kind: "average-pool";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Sides;
  /** Whether a window at the edge is divided by all of its positions, or by those in the map. */
  readonly countsPadding: boolean;
}

/**
 * Means of so many rows and columns: window i of n over `size` positions is ⌊i·size/n⌋ to
 * ⌈(i+1)·size/n⌉, as PyTorch's `AdaptiveAvgPool2d`.
 */
export interface AdaptiveAveragePoolOperation {
  readonly kind: "adaptive-average-pool";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly size: Pair;
}

/** Mean over positions: `[N, H, W, C]` or `[N, T, C]` → `[N, C]`. */
export interface GlobalAveragePoolOperation {
  readonly kind: "global-average-pool";
  readonly input: ValueId;
  readonly output: ValueId;
}

export const maxPoolShape: OperationShape<MaxPoolOperation> = {
  parameters: () => [],
  output({ kernel, stride, padding }, [input], _parameters, fail) {
    const window = { kernel, stride, padding, dilation: NOT_DILATED };
    const { top, bottom, left, right } = padding;
    if (Math.max(top, bottom) >= kernel[0] || Math.max(left, right) >= kernel[1]) {
      throw fail(`a ${kernel.join("×")} window may see padding alone`);
    }
    return [...slide(input!, window, fail), channelsOf(input!)];
  },
};

export const averagePoolShape: OperationShape<AveragePoolOperation> = {
  parameters: () => [],
  output: ({ kernel, stride, padding }, [input], parameters, fail) =>
    maxPoolShape.output(
      { kind: "max-pool", input: "", output: "", kernel, stride, padding },
      [input!],
      parameters,
      fail,
    ),
};

export const adaptiveAveragePoolShape: OperationShape<AdaptiveAveragePoolOperation> = {
  parameters: () => [],
  output({ size }, [input], _parameters, fail) {
    const [, , channels] = spatial(input!, fail);
    if (!size.every(isExtent)) throw fail(`its size is ${size.join("×")}`);
    return [...size, channels];
  },
};

export const globalAveragePoolShape: OperationShape<GlobalAveragePoolOperation> = {
  parameters: () => [],
  output(_operation, [input], _parameters, fail) {
    if (input!.length === 1) throw fail(`reads [${input!.join(", ")}], it needs positions`);
    return [channelsOf(input!)];
  },
};
