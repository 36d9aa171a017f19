import type { ValueId } from "../values.ts";
import { checkChannels, optional, withChannels, type OperationShape } from "./operation-shape.ts";

/** `y = x·Wᵀ + b` with W `[out, in]`, of features, or of every token or position by itself. */
export interface LinearOperation {
  readonly kind: "linear";
  readonly input: ValueId;
  readonly output: ValueId;
  readonly weight: string;
  readonly bias?: string;
}

export const linearShape: OperationShape<LinearOperation> = {
  parameters: ({ weight, bias }) => [
    { name: weight, role: "linear-weight", rank: 2 },
    ...optional(bias, "linear-bias", 1),
  ],
  output({ weight, bias }, [input], [weightShape, biasShape], fail) {
    const [out, channels] = weightShape as [number, number];
    checkChannels(input!, channels, weight, fail);
    if (biasShape !== undefined && biasShape[0] !== out) {
      throw fail(`'${bias}' has ${biasShape[0]} values, '${weight}' ${out}`);
    }
    return withChannels(input!, out);
  },
};
