import type { Announcement } from "../../../protocol/round/events.ts";
import type { ChainStore } from "./chain-store.ts";
import type { CampaignStore } from "./campaign-store.ts";
import type { CommitStore } from "./commit-store.ts";
import type { Roster } from "./roster.ts";
import type { RoundStore } from "./round-store.ts";
import type { TrialStore } from "./trial-store.ts";
import type { UploadStore } from "./upload-store.ts";

/**
 * All that a campaign remembers. The rules of the round are functions over it; each runs within one
 * transaction, without waiting for anything (SPEC R3).
 */
export interface Ledger {
  readonly campaign: CampaignStore;
  readonly rounds: RoundStore;
  readonly commits: CommitStore;
  readonly uploads: UploadStore;
  readonly trials: TrialStore;
  readonly roster: Roster;
  readonly chain: ChainStore;
  /** Tells participants, once the transaction stands. */
  announce(event: Announcement): void;
}

/** Runs a body as one transaction. */
export type Transact = <T>(body: (ledger: Ledger, now: number) => T) => T;
