import { depthStages } from "../../../protocol/model/depth-stages.ts";
import { outlierChannels } from "../../../protocol/reinit/channel-ratios.ts";
import type { ChannelScores } from "../../../protocol/reinit/channel-scores.ts";
import { identityNorms, type IdentityNorms } from "../../../protocol/reinit/identity-norms.ts";
import { addMaskCounts, stageShares, type MaskCounts } from "../../../protocol/reinit/mask.ts";
import { reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import type { Slice, StateLayout } from "../../../protocol/model/state-layout.ts";
import type { ReinitStrategy } from "../../../protocol/reinit/strategy-schema.ts";
import { float32View } from "../../../protocol/floats.ts";
import { readBlob } from "../../blobs/blob-store.ts";
import { openModel, teacherOf, type ModelSource } from "../../blobs/model-source.ts";
import { unwrap } from "../../outcome.ts";
import type { SliceBindings } from "../../slice/slice-bindings.ts";
import { concurrently } from "../../../protocol/concurrently.ts";
import type { CampaignRecord, StartRecord } from "../store/campaign-store.ts";
import { scoresOfModel } from "./channel-scores.ts";
import { MaskWriter } from "./mask-writer.ts";

/** Their parts of the mask are held at once: 64 KiB each. */
const SLICES_AT_A_TIME = 32;

/** What decides student₀, beside the teacher. */
interface ReinitTerms {
  readonly strategy: ReinitStrategy;
  /** One a candidate. */
  readonly strengths: readonly number[];
  /** 32 bytes in hexadecimal. */
  readonly seed: string;
}

/**
 * Makes and stores student₀ and mask of every candidate, slice by slice (SPEC I1, I6). The teacher is
 * read once for scores, where the strategy has any, and once a candidate to be re-initialised; what is
 * kept between is a plan, a few numbers an output channel. All of it may be repeated: the same bytes
 * come out.
 *
 * @param id the campaign's
 * @param pooledStatistics the statistics section of a state vector, on participants' images
 * @throws ProtocolError `malformed-request` when the strategy does not fit the model, or asks for
 *   statistics and there are none.
 */
export async function initialiseStudents(
  environment: SliceBindings,
  id: string,
  model: ModelSource,
  { strategy, strengths, seed }: ReinitTerms,
  pooledStatistics?: Float32Array,
): Promise<StartRecord[]> {
  const scores = await scoresOfModel(environment, id, model, strategy, pooledStatistics);
  const norms: IdentityNorms =
    pooledStatistics === undefined
      ? new Map()
      : identityNorms(model.graph, model.layout, pooledStatistics);
  const starts: StartRecord[] = [];
  for (const strength of strengths) {
    starts.push(await startOf(environment, id, model, { strategy, strength, seed, scores, norms }));
  }
  return starts;
}

/**
 * One candidate of a campaign that began with a statistics round (SPEC B6).
 *
 * @param statistics digest of the pooled statistics
 */
export async function startFromStatistics(
  environment: SliceBindings,
  { id, config }: Pick<CampaignRecord, "id" | "config">,
  statistics: string,
  strength: number,
): Promise<StartRecord> {
  const model = await openModel(environment.BLOBS, teacherOf(config));
  const { length, trainableLength } = model.layout;
  const bytes = 4 * (length - trainableLength);
  const pooled = float32View(await readBlob(environment.BLOBS, statistics, bytes));
  const { strategy, seed } = config.reinit;
  const terms = { strategy, strengths: [strength], seed: seed! };
  const [start] = await initialiseStudents(environment, id, model, terms, pooled);
  return start!;
}

/** Mask and student₀ at one strength. */
async function startOf(
  environment: SliceBindings,
  id: string,
  { graph, layout, digest, network }: ModelSource,
  terms: {
    readonly strategy: ReinitStrategy;
    readonly strength: number;
    readonly seed: string;
    readonly scores: ChannelScores | undefined;
    readonly norms: IdentityNorms;
  },
): Promise<StartRecord> {
  const { strategy, strength, seed, scores, norms } = terms;
  const plan = reinitPlan(graph, strategy, strength, scores);
  const mask = new MaskWriter(environment.BLOBS, Math.ceil(layout.length / 8));
  const counts: MaskCounts = new Map();
  const initialStudent: string[] = [];
  for (const group of groupsOf(layout.slices, SLICES_AT_A_TIME)) {
    const made = await concurrently(group, async (slice) => {
      const work = {
        model: { digest, network },
        index: slice.index,
        plan: ofSlice(plan, layout, slice),
        norms: ofSlice(norms, layout, slice),
        seed,
      };
      return unwrap(await environment.SLICE.getByName(`${id}/${slice.index}`).initialise(work));
    });
    for (const [i, { section, offset }] of group.entries()) {
      const { mask: part, student } = made[i]!;
      initialStudent.push(student);
      // Statistics are never re-initialised, and only they may begin within a byte.
      if (section !== "trainable") continue;
      addMaskCounts(counts, layout, part, offset);
      await mask.append(part);
    }
  }
  const maskDigest = await mask.finish();
  const { byParameter } = depthStages(graph);
  const reinitialised = stageShares(graph, layout, counts).map(
    ({ stage, values, reinitialised: weights }) => ({
      stage: String(stage),
      weights,
      share: weights / values,
      outliers: outliersOf(strategy, scores).filter(
        ({ tensor }) => byParameter.get(tensor) === stage,
      ),
    }),
  );
  return { strength, maskDigest, reinitialised, initialStudent };
}

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
    items.slice(i * size, (i + 1) * size),
  );
}

/** What a slice needs of what there is by tensor. */
function ofSlice<T>(
  byTensor: ReadonlyMap<string, T>,
  { entries }: StateLayout,
  { offset, length }: Slice,
): ReadonlyMap<string, T> {
  return new Map(
    entries.flatMap((entry) => {
      const its = byTensor.get(entry.name);
      const overlaps = entry.offset < offset + length && entry.offset + entry.size > offset;
      return its !== undefined && overlaps ? [[entry.name, its] as const] : [];
    }),
  );
}

/** Output channels that are re-initialised whole because their score stands out (SPEC I8). */
function outliersOf(
  strategy: ReinitStrategy,
  scores: ChannelScores | undefined,
): { readonly tensor: string; readonly channels: number[] }[] {
  if (strategy.kind !== "lipschitz" && strategy.kind !== "bn-divergence") return [];
  return [...(scores ?? [])]
    .map(([tensor, ofChannels]) => ({
      tensor,
      channels: [...outlierChannels(ofChannels, strategy.outliers)],
    }))
    .filter(({ channels }) => channels.length > 0);
}
