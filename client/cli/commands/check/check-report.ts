import type { Finding } from "../../../../protocol/formats/finding.ts";
import type {
  NetworkQuestion,
  NetworkSettings,
} from "../../../../protocol/model/network-settings.ts";
import type { Misfit } from "../../../../protocol/round/fit.ts";
import type { Preprocessing } from "../../../../protocol/round/preprocessing.ts";

/**
 * What becomes of a file: `accepted`, a campaign can be made of it; `refused`, it holds a model and Scour
 * cannot take it so; `unreadable`, it is no model file that is read; `dangerous`, another program that opens
 * it may run what its author chose, whether or not Scour could take it.
 */
export type Verdict = "accepted" | "refused" | "unreadable" | "dangerous";

/** Exit codes for scripts; 1 and 2 are those of every command. */
export const EXIT_CODES: Readonly<Record<Verdict, number>> = {
  accepted: 0,
  refused: 3,
  unreadable: 4,
  dangerous: 5,
};

/** Why a file cannot be taken. */
export interface Refusal {
  /** The problem's code (protocol/errors.ts). */
  readonly rule: string;
  readonly message: string;
}

/** What the default strategy re-initialises of one depth stage at strength 1. */
export interface StageToCleanse {
  /** `1` and upwards, or `head`. */
  readonly stage: string;
  /** Weights and biases that may be. */
  readonly values: number;
  /** Share of them that is. */
  readonly share: number;
}

/** A model that was recognised. */
export interface CheckedModel {
  readonly architecture: string;
  /** The family and whose files are so. */
  readonly form: string;
  readonly classes: number;
  readonly classNames: readonly string[] | null;
  readonly image: { readonly size: number; readonly channels: number };
  readonly parameters: { readonly trainable: number; readonly statistics: number };
  /** What tensors do not tell, answered, and what of it nobody said. */
  readonly network: NetworkSettings;
  readonly assumed: readonly NetworkQuestion[];
  /** Null where mean and std have to be said. */
  readonly preprocessing: Preprocessing | null;
  readonly stages: readonly StageToCleanse[];
}

/** What the model makes of pictures that were named (SPEC F1, F2). */
export interface LookedAt {
  readonly images: number;
  /** Mean of the largest probability. */
  readonly confidence: number;
  /** Mean entropy of the answers, nats. */
  readonly entropy: number;
  /** Of batch-norm statistics; null where the model has none. */
  readonly distance: number | null;
  /** Why model and pictures do not fit; null where they do. */
  readonly misfit: Misfit | null;
}

/** All that `check` says of a file; the form of its `--json`, whose keys are only added to. */
export interface CheckReport {
  readonly format: "scour-check-1";
  /** As it was named, or where it was fetched. */
  readonly model: string;
  readonly bytes: number | null;
  readonly sha256: string | null;
  /** What kind of file it is; null where it is none that is read. */
  readonly kind: string | null;
  readonly tensors: number | null;
  readonly verdict: Verdict;
  readonly refusal: Refusal | null;
  readonly network: CheckedModel | null;
  /** With `--images`, of a model that can be taken. */
  readonly pictures?: LookedAt;
  readonly findings: readonly Finding[];
}
