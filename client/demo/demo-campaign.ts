import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../protocol/digest.ts";
import type { CampaignConfigInput } from "../../protocol/round/campaign-config.ts";
import { DEMO_PREPROCESSING } from "./draw-images.ts";

/** How many it takes unless told otherwise: three keep two cores busy and still leave a round soon. */
export const DEMO_PARTICIPANTS = 3;

export const DEMO_IMAGES = {
  perParticipant: 1000,
  test: 1000,
  /** No image of the teacher's training comes from these seeds. */
  poolSeed: 7_000,
  testSeed: 8_000,
} as const;

/** What the demo promises, and its exit code tells. */
export const DEMO_GOALS = { asrBefore: 0.95, asrAfter: 0.1, accDrop: 0.05 } as const;

/** Chosen for a margin on both sides of the goals. */
export const DEMO_ROUNDS = 18;

/**
 * The demo's campaign: what a campaign does that was created without options, with smaller
 * steps, and more rounds of them, for a small model and impatient people; docs/DEMO.md has the runs.
 *
 * @param model digest of the teacher's file.
 * @param seed decides the re-initialisation.
 * @param rounds most that it trains.
 * @param participants whose updates a round waits for, two or more.
 */
export function demoCampaign(
  model: string,
  seed: number,
  rounds = DEMO_ROUNDS,
  participants = DEMO_PARTICIPANTS,
): CampaignConfigInput {
  return {
    name: "demo",
    model,
    preprocessing: {
      mean: [...DEMO_PREPROCESSING.mean],
      std: [...DEMO_PREPROCESSING.std],
    },
    reinit: {
      seed: sha256(utf8ToBytes(`scour demo ${seed}`)),
    },
    distillation: { rounds, batchSize: 32 },
    // Far away: the participants are processes of the demo's own, and slow machines have demos, too.
    round: { goal: participants, minimum: 2, deadlineSeconds: 3600 },
  };
}
