import { DurableObject } from "cloudflare:workers";
import type { BlobBindings } from "../blobs/blob-store.ts";
import { outcomeOf, type Outcome } from "../outcome.ts";
import { ByteMeter } from "./byte-meter.ts";
import { combineSlice } from "./combine-slice.ts";
import { checkSlice, initialiseSlice } from "./initialise-slice.ts";
import { measureSlice } from "./measure-slice.ts";
import { poolFrames } from "./pool-frames.ts";
import { scoreSlice } from "./score-slice.ts";
import type { ModelReference } from "../blobs/model-source.ts";
import type {
  CombinedSlice,
  CombineWork,
  InitialisedSlice,
  InitialiseWork,
  Measurement,
  MeasureWork,
  PooledStatistics,
  PoolWork,
  ScoredChannels,
} from "./slice-work.ts";

/**
 * The data object of one slice. It keeps nothing: everything it needs comes with the call or lies
 * in blob storage, so any call may be repeated. An object of its own bounds memory and CPU time a
 * slice, and lets slices run side by side.
 */
export class SliceWorker extends DurableObject<BlobBindings> {
  measure(work: MeasureWork): Promise<Measurement> {
    return measureSlice(this.env.BLOBS, work, new ByteMeter());
  }

  combine(work: CombineWork): Promise<CombinedSlice> {
    return combineSlice(this.env.BLOBS, work, new ByteMeter());
  }

  /** The same of a private round, where the helper may refuse, or be down. */
  open(work: CombineWork): Promise<Outcome<CombinedSlice>> {
    return outcomeOf(() => combineSlice(this.env.BLOBS, work, new ByteMeter()));
  }

  pool(work: PoolWork): Promise<PooledStatistics> {
    return poolFrames(this.env.BLOBS, work, new ByteMeter());
  }

  check(model: ModelReference, index: number): Promise<Outcome<void>> {
    return outcomeOf(() => checkSlice(this.env.BLOBS, model, index, new ByteMeter()));
  }

  score(model: ModelReference, index: number): Promise<Outcome<ScoredChannels[]>> {
    return outcomeOf(() => scoreSlice(this.env.BLOBS, model, index, new ByteMeter()));
  }

  initialise(work: InitialiseWork): Promise<Outcome<InitialisedSlice>> {
    return outcomeOf(() => initialiseSlice(this.env.BLOBS, work, new ByteMeter()));
  }
}
