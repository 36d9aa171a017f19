import type { LayerNormOperation } from "../../../../protocol/model/graph.ts";
import { NormedRuns } from "../loops/normed-runs.ts";
import { standardisedBy } from "./judged-values.ts";
import type { OperationDescription } from "./operation.ts";
import { runNorm } from "./run-norm.ts";

/** The channels of every position by themselves (Ba et al. 2016). */
export const layerNorm: OperationDescription<LayerNormOperation, "scale" | "shift"> = {
  ...runNorm((writer, { input }) => new NormedRuns(writer.positionExtents(input), 1, "channels")),

  judged({ tf, value, parameter }, { input, scale, shift, epsilon }) {
    const normalised = standardisedBy(tf, value(input), [-1], epsilon);
    const scaled = scale === undefined ? normalised : tf.mul(normalised, parameter(scale));
    return shift === undefined ? scaled : tf.add(scaled, parameter(shift));
  },
};
