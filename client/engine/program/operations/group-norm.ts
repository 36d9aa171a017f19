import type { GroupNormOperation } from "../../../../protocol/model/graph.ts";
import { NormedRuns } from "../loops/normed-runs.ts";
import { standardisedBy } from "./judged-values.ts";
import type { OperationDescription } from "./operation.ts";
import { runNorm } from "./run-norm.ts";

/** Runs of channels, each over an image's positions (Wu and He 2018). */
export const groupNorm: OperationDescription<GroupNormOperation, "scale" | "shift"> = {
  ...runNorm(
    (writer, { input, groups }) =>
      new NormedRuns(writer.positionExtents(input), groups, "positions"),
  ),

  judged({ tf, value, parameter }, { input, groups, scale, shift, epsilon }) {
    const x = value(input);
    const [images, channels] = [x.shape[0]!, x.shape.at(-1)!];
    const runs = tf.reshape(x, [images, -1, groups, channels / groups]);
    const normalised = tf.reshape(standardisedBy(tf, runs, [1, 3], epsilon), x.shape);
    const scaled = scale === undefined ? normalised : tf.mul(normalised, parameter(scale));
    return shift === undefined ? scaled : tf.add(scaled, parameter(shift));
  },
};
