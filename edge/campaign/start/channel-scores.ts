import {
  divergenceScores,
  requireStatistics,
  type ChannelScores,
} from "../../../protocol/reinit/channel-scores.ts";
import type { ReinitStrategy } from "../../../protocol/reinit/strategy-schema.ts";
import type { ModelSource } from "../../blobs/model-source.ts";
import { readState } from "../../../protocol/formats/import-model.ts";
import { unwrap } from "../../outcome.ts";
import type { SliceBindings } from "../../slice/slice-bindings.ts";
import { concurrently } from "../../../protocol/concurrently.ts";

/**
 * The scores that a strategy asks for, to the bit those of protocol/reinit/channel-scores.ts, of a
 * model in storage: slice objects read the kernels, here there are only scores and statistics, a few
 * numbers a channel.
 *
 * @param id the campaign's
 * @param pooledStatistics the statistics section of a state vector, on participants' images
 * @throws ProtocolError `malformed-request` when the strategy asks for statistics and there are none.
 */
export async function scoresOfModel(
  environment: SliceBindings,
  id: string,
  model: ModelSource,
  strategy: ReinitStrategy,
  pooledStatistics?: Float32Array,
): Promise<ChannelScores | undefined> {
  const { graph, layout, digest, network } = model;
  switch (strategy.kind) {
    case "layerwise":
    case "uniform":
    case "head":
      return undefined;
    case "lipschitz": {
      const parts = await concurrently(layout.slices, async ({ index }) =>
        unwrap(
          await environment.SLICE.getByName(`${id}/${index}`).score({ digest, network }, index),
        ),
      );
      const scores = new Map<string, readonly number[]>();
      // In ascending order of slices, so of channels.
      for (const part of parts.flat()) {
        scores.set(part.weight, [...(scores.get(part.weight) ?? []), ...part.scores]);
      }
      return scores;
    }
    case "bn-divergence": {
      const pooled = requireStatistics(pooledStatistics);
      const { trainableLength, length } = layout;
      const own = await readState(model, trainableLength, length - trainableLength);
      return divergenceScores(graph, layout, own, pooled);
    }
    default:
      return strategy satisfies never;
  }
}
