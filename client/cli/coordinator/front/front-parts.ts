import type { Socket } from "node:net";
import type { FrontLimits } from "./limits.ts";
import type { KnownTokens } from "./known-tokens.ts";
import type { PublicAnswers } from "./public-answers.ts";
import type { Refusals } from "./refusals.ts";
import type { BodyCollector } from "./request-body.ts";
import type { StrangerQuota } from "./stranger-quota.ts";
import type { Tally } from "./tally.ts";
import type { Turns } from "./turns.ts";
import type { WorkerRequests } from "./worker-requests.ts";

/** What all requests through one front share. */
export interface FrontParts {
  readonly limits: FrontLimits;
  readonly worker: WorkerRequests;
  readonly publicAnswers: PublicAnswers;
  readonly tokens: KnownTokens;
  readonly strangers: StrangerQuota;
  readonly refusals: Refusals;
  readonly collector: BodyCollector;
  /** Who has the Worker's attention, and who waits for it. */
  readonly turns: Turns;
  readonly line: Tally;
  readonly uploads: Tally;
  /** Folder where parts of models are until they are whole. */
  readonly spool: string;
  /** Event sockets that are open. */
  readonly tunnels: Set<Socket>;
  /** Paths of the pages' files. */
  pages: ReadonlySet<string>;
}
