import type { IndexRange } from "../aggregation/server-optimizer.ts";
import type { Combination } from "../aggregation/combination.ts";
import type { Gram } from "../aggregation/robust/gram.ts";
import type { ModelReference } from "../blobs/model-source.ts";
import type { IdentityNorms } from "../../protocol/reinit/identity-norms.ts";
import type { ReinitPlan } from "../../protocol/reinit/reinitialise.ts";
import type { ServerOptimizer } from "../../protocol/round/campaign-config.ts";
import type { MaskSumRequest } from "../../protocol/privacy/two-operators/mask-sums.ts";
import type { Cohort } from "../../protocol/privacy/vector/fixed-point.ts";
import type { UpdateCodec } from "../../protocol/update/update-codec.ts";

/** A slice as its object needs to know it. */
export interface SliceShape {
  readonly index: number;
  readonly length: number;
  readonly section: "trainable" | "statistics";
  /** Where running variances lie in it. */
  readonly variances: readonly IndexRange[];
}

/** One participant's frame of this slice, in storage. */
export interface StoredFrame {
  readonly key: string;
  readonly digest: string;
}

/** One slice of what is combined as one. */
export interface SliceContribution {
  readonly weight: number;
  /** Its members' frames, whose sum it is. */
  readonly frames: readonly StoredFrame[];
}

/** All contributions to one slice. */
export interface FramesOfSlice {
  readonly slice: SliceShape;
  readonly codec: UpdateCodec;
  /** In canonical order. */
  readonly contributions: readonly SliceContribution[];
}

/** What running statistics are held against (SPEC O6). */
interface StatisticsTerms {
  /** The teacher: which mean goes with which variance. */
  readonly model: ModelReference;
  /** Digests of the incoming student's statistics slices, ascending. */
  readonly student: readonly string[];
  /** Whether the rule bounds them. */
  readonly bounded: boolean;
  /** Contributions, by index, that are bounded as one: what they say is averaged first (SPEC O9.1). */
  readonly parties: readonly (readonly number[])[];
}

/** Digests of a slice of two successive students: what the later one came by is its last step. */
export interface LastStep {
  readonly before: string;
  readonly after: string;
}

/** Pass 1: how large each contribution is, and how they lie to one another. */
export interface MeasureWork extends FramesOfSlice {
  /** In a statistics slice, and only there. */
  readonly statistics?: StatisticsTerms;
  /** Whether inner products are taken, of trainable values. */
  readonly products?: boolean;
  /** Where the rule looks at the student's last step, and there is one. */
  readonly lastStep?: LastStep;
}

/** Work on a statistics slice. */
export interface StatisticsWork extends FramesOfSlice {
  readonly statistics: StatisticsTerms;
}

export interface Measurement {
  /** ‖uᵢ‖₂² over this slice, by contribution; of statistics in units (SPEC O6). */
  readonly squaredNorms: readonly number[];
  /** Of statistics: the same of what is combined of them, no value above one unit. */
  readonly combinedSquares?: readonly number[];
  /** ⟨uᵢ, uⱼ⟩ over this slice, and last the last step's, 0 where there is none. */
  readonly products?: Gram;
  readonly peakBytes: number;
}

/** Digests of a slice's optimiser moments; null before the first round, or where none are kept. */
export interface MomentDigests {
  readonly first: string | null;
  readonly second: string | null;
}

/** Where a student goes another way along the line from its teacher than its round leads it (SPEC O10). */
interface LineStep {
  /** Digest of the slice of the teacher. */
  readonly from: string;
  readonly factor: number;
}

/** What opening the sum of a private round takes (SPEC M9.5). */
export interface HiddenTerms {
  /** Address of the helper. */
  readonly url: string;
  /** Whose masks it is asked about. */
  readonly set: Pick<MaskSumRequest, "round" | "seeds">;
  readonly cohort: Cohort;
  readonly clipNorm: number;
  /** The teacher: which tensor a value is of. */
  readonly model: ModelReference;
}

/** Pass 2: Δ as the rule has it, then the server's optimiser or the average. */
export interface CombineWork extends MeasureWork {
  readonly combination: Combination;
  /** What noise is drawn from: 32 bytes in hexadecimal. */
  readonly seed: string;
  /** Digest of the current student's slice. */
  readonly student: string;
  readonly moments: MomentDigests;
  readonly optimizer: ServerOptimizer;
  /** η in this round. */
  readonly rate: number;
  /** Of trainable values, in the round that does so. */
  readonly lineStep?: LineStep;
  /** In a private round: contributions are masked words, and Δ their mean, whatever `combination` says. */
  readonly hidden?: HiddenTerms;
}

export interface CombinedSlice {
  /** Digest of the new student's slice; the old one's when the new one is not finite. */
  readonly student: string;
  readonly moments: MomentDigests;
  /** ‖Δ‖₂² over this slice. */
  readonly squaredNorm: number;
  /** False when the new student would hold a value that is not finite; then nothing was stored. */
  readonly finite: boolean;
  readonly peakBytes: number;
}

/** Pools the statistics of a statistics round (SPEC B5). */
export interface PoolWork {
  /** The teacher. */
  readonly model: ModelReference;
  /** Of each participant, in canonical order, the frames of the statistics slices, ascending. */
  readonly contributions: readonly (readonly StoredFrame[])[];
}

export interface PooledStatistics {
  /** Digest of the pooled statistics section; null when it would not be finite, and is not stored. */
  readonly statistics: string | null;
  readonly peakBytes: number;
}

/** Scores of successive output channels of one convolution (SPEC I9). */
export interface ScoredChannels {
  /** Name of the convolution's weight. */
  readonly weight: string;
  readonly scores: readonly number[];
}

/** Reads one slice of the teacher, checks it, and makes student₀'s of it. */
export interface InitialiseWork {
  readonly model: ModelReference;
  readonly index: number;
  /** Of the parameters that lie in the slice. */
  readonly plan: ReinitPlan;
  /** Of the norms that stand in, what lies in the slice. */
  readonly norms: IdentityNorms;
  /** 32 bytes in hexadecimal. */
  readonly seed: string;
}

export interface InitialisedSlice {
  /** Digest of student₀'s slice. */
  readonly student: string;
  /** The slice's part of the mask: the slice begins at a whole byte of it. */
  readonly mask: Uint8Array;
  readonly peakBytes: number;
}
