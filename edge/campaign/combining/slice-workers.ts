import { unwrap } from "../../outcome.ts";
import type { SliceBindings } from "../../slice/slice-bindings.ts";
import type {
  CombinedSlice,
  CombineWork,
  Measurement,
  MeasureWork,
  PooledStatistics,
  PoolWork,
} from "../../slice/slice-work.ts";
import { startFromStatistics } from "../start/initialise-student.ts";
import type { CampaignRecord, StartRecord } from "../store/campaign-store.ts";

/** Where slices are worked on, statistics pooled and students made of them. */
export interface SliceWorkers {
  measure(work: MeasureWork): Promise<Measurement>;
  combine(work: CombineWork): Promise<CombinedSlice>;
  /** Combines what hides in a sum. @throws ProtocolError as the helper refuses, or is not there. */
  open(work: CombineWork): Promise<CombinedSlice>;
  pool(work: PoolWork): Promise<PooledStatistics>;
  /** @param statistics digest of the pooled statistics */
  start(statistics: string, strength: number): Promise<StartRecord>;
}

/** The slice objects of a campaign. */
export function sliceWorkers(
  bindings: SliceBindings,
  campaign: Pick<CampaignRecord, "id" | "config">,
): SliceWorkers {
  const slice = (index: number) => bindings.SLICE.getByName(`${campaign.id}/${index}`);
  return {
    measure: (work) => slice(work.slice.index).measure(work),
    combine: (work) => slice(work.slice.index).combine(work),
    open: async (work) => unwrap(await slice(work.slice.index).open(work)),
    pool: (work) => slice(0).pool(work),
    start: (statistics, strength) => startFromStatistics(bindings, campaign, statistics, strength),
  };
}
