import type { StatisticsAssignment } from "../../protocol/round/assignment.ts";
import { encodeFrame } from "../../protocol/update/frame.ts";
import { uniformSource } from "../../protocol/random/uniform-source.ts";
import { sha256 } from "../../protocol/digest.ts";
import { heldWhilePaused, type RoundTools } from "./round-work.ts";
import { StepMeter } from "./step-meter.ts";
import type { PendingUpdate } from "./wire/upload.ts";

/**
 * Does what a statistics round asks for: sums over the participant's own images, or word that it has
 * too few of them (SPEC B2, B3).
 *
 * @throws the signal's reason when it aborts; whatever the trainer throws.
 */
export async function workStatistics(
  { round, attempt }: StatisticsAssignment,
  signal: AbortSignal,
  tools: RoundTools,
): Promise<PendingUpdate> {
  const { campaign, context, trainer } = tools;
  const { board, device: backend, ports } = context;
  const meter = new StepMeter(ports.clock);
  const show = (images: number, totalImages: number): void =>
    void board.show({ kind: "statistics", round, attempt, images, totalImages });
  show(0, 1);
  const measured = await trainer.measureStatistics({
    signal,
    beforeBatch: () => heldWhilePaused(tools, meter),
    onImages: (images, totalImages) => {
      meter.stepDone(images);
      show(images, totalImages);
    },
  });
  const { seconds } = meter;
  const report = { loss: 0, agreement: 0, scores: null, seconds, backend };
  const at = { kind: "statistics" as const, round, attempt };
  if (measured === null) {
    return { ...at, firstSlice: 0, frames: [], request: { ...report, slices: [], examples: 0 } };
  }
  const { layout } = campaign;
  const slices = layout.slices.filter(({ section }) => section === "statistics");
  // As f32 it draws nothing.
  const random = uniformSource(new Uint8Array(32), "statistics");
  const frames = slices.map(({ index: sliceIndex, length, offset }) => {
    const from = offset - layout.trainableLength;
    const values = measured.statistics.subarray(from, from + length);
    return encodeFrame({ codec: "f32", sliceIndex, values, random });
  });
  const digests = frames.map((frame) => sha256(frame));
  const request = { ...report, slices: digests, examples: measured.images };
  return { ...at, firstSlice: slices[0]!.index, frames, request };
}
