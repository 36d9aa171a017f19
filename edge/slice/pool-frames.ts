import { poolStatistics } from "../../protocol/reinit/statistics.ts";
import { decodeFrame } from "../../protocol/update/frame.ts";
import { frameBytes } from "../../protocol/update/frame-header.ts";
import { bytesView } from "../../protocol/floats.ts";
import { putBlob } from "../blobs/blob-store.ts";
import { openModel } from "../blobs/model-source.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { readFrame } from "./read-frames.ts";
import type { PooledStatistics, PoolWork } from "./slice-work.ts";

/**
 * Pools the statistics that participants sent (SPEC B5) and stores the result as a blob. All of them
 * are held at once: how much that may be is checked when a campaign is made.
 */
export async function poolFrames(
  bucket: R2Bucket,
  { model, contributions }: PoolWork,
  meter: ByteMeter,
): Promise<PooledStatistics> {
  const { graph, layout } = await openModel(bucket, model);
  const slices = layout.slices.filter(({ section }) => section === "statistics");
  const sections: Float32Array[] = [];
  for (const frames of contributions) {
    const section = meter.hold(new Float32Array(layout.length - layout.trainableLength));
    for (const [i, { index, length, offset }] of slices.entries()) {
      const bytes = meter.hold(await readFrame(bucket, frames[i]!, frameBytes("f32", length)));
      const { values } = decodeFrame(bytes, { codec: "f32", sliceIndex: index, count: length });
      section.set(values, offset - layout.trainableLength);
      meter.release(bytes);
    }
    sections.push(section);
  }
  const pooled = poolStatistics(graph, layout, sections);
  const isFinite = pooled.every((value) => Number.isFinite(value));
  const statistics = isFinite ? await putBlob(bucket, bytesView(pooled)) : null;
  return { statistics, peakBytes: meter.peakBytes };
}
