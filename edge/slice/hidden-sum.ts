import { decodeSum, type WireSection } from "../../protocol/privacy/vector/fixed-point.ts";
import {
  SECTION_BITS,
  statisticsSection,
  trainableSection,
} from "../../protocol/privacy/vector/update-vector.ts";
import { addWords, wordBytes, wordsOf, zeroWords } from "../../protocol/privacy/vector/words.ts";
import { pieceOf } from "../../protocol/privacy/two-operators/mask-sums.ts";
import { openModel } from "../blobs/model-source.ts";
import { askHelper } from "./ask-helper.ts";
import type { ByteMeter } from "./byte-meter.ts";
import { readFrame } from "./read-frames.ts";
import type { CombineWork, HiddenTerms } from "./slice-work.ts";
import { unitsOf } from "./statistics-ranges.ts";

/**
 * Δ of one slice of a private round: the mean of updates that nobody has seen (SPEC M9.5). Masked words are
 * added, then the sum of their masks, which the helper tells.
 */
export async function openedMean(
  bucket: R2Bucket,
  work: CombineWork & { readonly hidden: HiddenTerms },
  meter: ByteMeter,
): Promise<Float64Array> {
  const { contributions, hidden, slice } = work;
  const bits = SECTION_BITS[slice.section];
  const sum = meter.hold(zeroWords(bits, slice.length));
  for (const stored of contributions.flatMap(({ frames }) => frames)) {
    const bytes = meter.hold(await readFrame(bucket, stored, wordBytes(bits, slice.length)));
    addWords(sum, wordsOf(bits, bytes));
    meter.release(bytes);
  }
  const piece = pieceOf(slice.index, bits);
  const masks = await askHelper(hidden.url, { ...hidden.set, piece, count: slice.length });
  addWords(sum, meter.hold(masks));
  const section = await sectionOf(bucket, work, meter);
  const count = hidden.set.seeds.length;
  const mean = meter.hold(decodeSum(sum, section, hidden.cohort, count));
  meter.release(sum);
  meter.release(masks);
  for (let i = 0; i < mean.length; i++) mean[i]! /= count;
  return mean;
}

/** How the slice's words are read: from the model and, of statistics, the incoming student alone. */
async function sectionOf(
  bucket: R2Bucket,
  { hidden, slice, statistics }: CombineWork & { readonly hidden: HiddenTerms },
  meter: ByteMeter,
): Promise<WireSection> {
  if (statistics !== undefined) {
    const units = await unitsOf(bucket, { slice, statistics }, meter);
    const section = statisticsSection(units, hidden.cohort);
    meter.release(units);
    return section;
  }
  const { layout } = await openModel(bucket, hidden.model);
  return trainableSection(layout, layout.slices[slice.index]!, hidden.clipNorm, hidden.cohort);
}
