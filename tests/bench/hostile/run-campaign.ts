import { ProtocolError } from "../../../protocol/errors.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";
import type { CampaignReport, RoundReport } from "../../../protocol/round/reports.ts";
import { isEnded } from "../../../protocol/round/states.ts";
import { AdminClient } from "../../../client/admin/admin-client.ts";
import type { Coordinator } from "../../../client/cli/coordinator/start-coordinator.ts";
import { followCampaign } from "../../../client/cli/commands/watch.ts";
import { runCommandLine } from "../../../client/cli/main.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../../protocol/random/random-stream.ts";
import { memoryBlobCache } from "../../../client/participant/wire/blob-cache.ts";
import { memoryIdentityStore } from "../../../client/participant/wire/identity.ts";
import { Participant } from "../../../client/participant/participant.ts";
import type { TrainerSource } from "../../../client/participant/local-trainer.ts";
import type { Conduct } from "./hostile-training.ts";

/** Somebody who takes part. */
interface Seat {
  readonly training: TrainerSource;
  /** 16 bytes that all chance of this participant comes from, but its training's. */
  readonly seed: Uint8Array;
  /** Of a hostile one; undefined: it is honest. */
  readonly conduct?: Conduct | undefined;
}

export interface SeatedCampaign {
  readonly coordinator: Pick<Coordinator, "url" | "adminToken" | "adminTokenFile">;
  /** Its model was uploaded before. */
  readonly config: CampaignConfigInput;
  readonly seats: readonly Seat[];
  readonly stop: AbortSignal;
}

/** What an organiser gets to see. */
interface Told {
  /** Exit code of `scour watch`; null where it would go on for ever. */
  readonly watchExit: number | null;
  /** Its words at the end. */
  readonly text: string;
}

export interface CampaignEnd extends Told {
  readonly report: CampaignReport;
  readonly rounds: readonly RoundReport[];
  /** What honest participants ended by before the campaign did. */
  readonly deaths: readonly string[];
}

const POLL_MS = 300;
/** Tries of a hostile participant at the door. */
const MOST_TRIES = 6;

/**
 * Runs a campaign with these participants on a coordinator that is up, until it ends, pauses itself, or
 * an honest participant fails.
 *
 * @throws the signal's reason when it aborts; AdminError when the coordinator refuses the campaign.
 */
export async function runSeatedCampaign({
  config,
  coordinator,
  seats,
  stop,
}: SeatedCampaign): Promise<CampaignEnd> {
  const admin = adminOf(coordinator);
  const { id } = await admin.createCampaign(config);
  // One each: whatever an invite may bear in sum, nobody here shares it.
  const newInvite = async (): Promise<string> => (await admin.invite(id, { uses: 1 })).url;
  const invites: string[] = [];
  for (const _ of seats) invites.push(await newInvite());
  await admin.act(id, "start");
  const over = new AbortController();
  const ending = AbortSignal.any([stop, over.signal]);
  const blobs = memoryBlobCache();
  const deaths: string[] = [];
  const taking = seats.map(async (seat, index) => {
    try {
      const invite = invites[index]!;
      await takePart(seat, { invite, newInvite, label: `seat ${index + 1}`, blobs, ending });
    } catch (error) {
      if (seat.conduct !== undefined) return;
      deaths.push(wordsOf(error));
      // Without it, every round that is left would wait for its deadline.
      over.abort();
    }
  });
  try {
    await followCampaign(admin, id, {
      intervalMs: POLL_MS,
      stop: ending,
      onUnreachable: () => {},
      async onReport({ state }) {
        if (state === "paused") over.abort();
      },
    });
  } finally {
    over.abort();
    await Promise.all(taking);
  }
  stop.throwIfAborted();
  const report = await admin.campaign(id);
  const rounds = await admin.rounds(id);
  return { report, rounds, deaths, ...(await told(id, report, coordinator, stop)) };
}

/**
 * The admin API of a coordinator that is known to be up: after a pause a kept-open connection may turn
 * out to be closed, once.
 */
export function adminOf({ adminToken, url }: SeatedCampaign["coordinator"]): AdminClient {
  return new AdminClient(url, adminToken, async (...request) => {
    try {
      return await fetch(...request);
    } catch {
      return await fetch(...request);
    }
  });
}

/**
 * Takes part until the campaign ends. Whoever is refused at the door has told that the student is broken
 * (SPEC J12), and would wait for the next attempt: it comes back as somebody else, with another invite.
 */
async function takePart(
  { conduct, seed, training }: Seat,
  surroundings: {
    readonly invite: string;
    readonly newInvite: () => Promise<string>;
    readonly label: string;
    readonly blobs: ReturnType<typeof memoryBlobCache>;
    readonly ending: AbortSignal;
  },
): Promise<void> {
  const { blobs, ending, label, newInvite } = surroundings;
  let { invite } = surroundings;
  const stream = new RandomStream(seed);
  const randomBytes = (length: number): Uint8Array =>
    Uint8Array.from({ length }, () => stream.word() & 255);
  const identities = memoryIdentityStore();
  for (let tries = 1; ; tries++) {
    const ports = { blobs, identities, randomBytes };
    const participant = new Participant({ invite, label, training, ports });
    const stop = (): void => participant.stop();
    ending.addEventListener("abort", stop, { once: true });
    if (ending.aborted) stop();
    let isRefused = false;
    participant.subscribe((status) => {
      if (conduct === undefined || status.kind !== "waiting") return;
      if (status.reason !== "broken-student") return;
      isRefused = true;
      stop();
    });
    try {
      await participant.run();
      if (!isRefused || ending.aborted || tries === MOST_TRIES) return;
      conduct?.refused("its update was refused at the door");
      invite = await newInvite();
    } catch (error) {
      const said = error instanceof ProtocolError && REFUSALS.has(error.code);
      if (!said || conduct === undefined || tries === MOST_TRIES) throw error;
      conduct.refused(error.message);
    } finally {
      ending.removeEventListener("abort", stop);
    }
  }
}

/** Of what a participant sent, not of who it is. */
const REFUSALS: ReadonlySet<string> = new Set<ProtocolError["code"]>([
  "malformed-update",
  "malformed-request",
]);

async function told(
  id: string,
  { state }: CampaignReport,
  { adminTokenFile, url }: SeatedCampaign["coordinator"],
  stop: AbortSignal,
): Promise<Told> {
  if (!isEnded(state)) return { watchExit: null, text: "" };
  const lines: string[] = [];
  const terminal = {
    live: false,
    result: (_: unknown, __: boolean | undefined, text: () => string) => void lines.push(text()),
    note: (line: string) => void lines.push(line),
    redraw: () => {},
  };
  // Without a file the token is in the environment, where the command looks, too.
  const tokenFile = adminTokenFile === undefined ? [] : ["--admin-token-file", adminTokenFile];
  const access = ["--coordinator", url, ...tokenFile];
  const watchExit = await runCommandLine(["watch", id, ...access], { terminal, stop });
  // The line that goes on while the campaign does comes first.
  return { watchExit, text: lines.slice(1).join("\n") };
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** 16 bytes for every seat, of a stream of the run's own. */
export function seatSeeds(random: RandomStream, seats: number): readonly Uint8Array[] {
  return Array.from({ length: seats }, () =>
    Uint8Array.from({ length: STREAM_SEED_BYTES }, () => random.word() & 255),
  );
}
