import { openModel, type ModelReference } from "../blobs/model-source.ts";
import { readState } from "../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../protocol/formats/open-model.ts";
import type { LayoutEntry, Slice } from "../../protocol/model/state-layout.ts";
import { lipschitzOfChannels } from "../../protocol/reinit/channel-scores.ts";
import { KernelNorms } from "../../protocol/reinit/kernel-norms.ts";
import { normalisedConvolutions } from "../../protocol/reinit/normalised-convolutions.ts";
import type { ByteMeter } from "./byte-meter.ts";
import type { ScoredChannels } from "./slice-work.ts";

/** Values of a kernel read at a time: half a MiB of float32. */
const PIECE_VALUES = 2 ** 17;

/** Channels [first, end) of a kernel that begin within a slice. */
function channelsBegun(
  { offset, size, shape }: LayoutEntry,
  slice: Slice,
): { first: number; end: number } {
  const channels = shape[0]!;
  const before = (index: number): number =>
    Math.min(channels, Math.max(0, Math.ceil(((index - offset) * channels) / size)));
  return { first: before(slice.offset), end: before(slice.offset + slice.length) };
}

/**
 * Channel Lipschitz scores (SPEC I9) of the output channels that begin in one slice of a model. A
 * channel that runs on into the next slice is scored here and whole: its rows are read from the file
 * wherever they lie, piece by piece, so no more than a piece and one Gram matrix are held.
 *
 * @throws ProtocolError `non-finite-weights` (SPEC W5).
 */
export async function scoreSlice(
  bucket: R2Bucket,
  reference: ModelReference,
  index: number,
  meter: ByteMeter,
): Promise<ScoredChannels[]> {
  const model = await openModel(bucket, reference);
  const { graph, layout } = model;
  const slice = layout.slices[index]!;
  const entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
  const found: ScoredChannels[] = [];
  for (const { convolution, norm } of normalisedConvolutions(graph)) {
    const kernel = entries.get(convolution.weight)!;
    const { first, end } = channelsBegun(kernel, slice);
    if (first >= end) continue;
    const norms = await kernelNorms(model, kernel, first, end, meter);
    const ofChannels = async (name: string): Promise<Float32Array> =>
      readState(model, entries.get(name)!.offset + first, end - first);
    const scale = norm.scale === undefined ? undefined : await ofChannels(norm.scale);
    const variance = await ofChannels(norm.runningVariance);
    const scores = lipschitzOfChannels(norms, { scale, variance, epsilon: norm.epsilon });
    found.push({ weight: convolution.weight, scores });
  }
  return found;
}

/** σ_max of a kernel's channels [first, end). */
async function kernelNorms(
  model: OpenModel,
  { offset, size, shape }: LayoutEntry,
  first: number,
  end: number,
  meter: ByteMeter,
): Promise<readonly number[]> {
  const [channels, , height, width] = shape as [number, number, number, number];
  const row = height * width;
  const piece = Math.max(row, PIECE_VALUES - (PIECE_VALUES % row));
  const kernels = new KernelNorms(shape);
  const channelLength = size / channels;
  const to = offset + end * channelLength;
  for (let at = offset + first * channelLength; at < to; at += piece) {
    const values = meter.hold(await readState(model, at, Math.min(piece, to - at)));
    kernels.add(values);
    meter.release(values);
  }
  return kernels.norms;
}
