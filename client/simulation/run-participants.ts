import type { Misfit } from "../../protocol/round/fit.ts";
import type { ImageSet } from "../images/image-set.ts";
import { RandomStream, STREAM_SEED_BYTES } from "../../protocol/random/random-stream.ts";
import type { Engine } from "../engine/engine.ts";
import { memoryBlobCache } from "../participant/wire/blob-cache.ts";
import { engineTrainers, type EngineTrainersOptions } from "../participant/open-engine-trainer.ts";
import { Participant } from "../participant/participant.ts";
import type { ParticipantStatus } from "../participant/status.ts";
import type { ParticipantTotals } from "../participant/totals.ts";
import type { TrainerSource } from "../participant/local-trainer.ts";
import { trainingInTurn } from "./train-in-turn.ts";

export interface SimulatedParticipants {
  readonly invite: string;
  /** The device they share. */
  readonly engine: Engine;
  /** One participant's images each. */
  readonly shares: readonly ImageSet[];
  /** Decides their order of images, augmentation and stochastic rounding. */
  readonly random: RandomStream;
  readonly stop: AbortSignal;
  /** Told of each whose images do not fit the teacher (SPEC F2); it goes on all the same. */
  readonly onMisfit?: ((label: string, misfit: Misfit) => void) | undefined;
  /** Told whenever one of them begins something else or comes further. */
  readonly onStatus?: ((label: string, status: ParticipantStatus) => void) | undefined;
  /** Pictures that they share, made otherwise: `EngineTrainersOptions.sample`. */
  readonly sample?: EngineTrainersOptions["sample"];
  /** Looks over a participant's shoulder: gives the training that takes the place of its own. */
  readonly observe?: ((training: TrainerSource, index: number) => TrainerSource) | undefined;
}

/**
 * Runs participants in this process until their campaign ends: the same code that runs in a tab,
 * each with its own images, credential and connection.
 *
 * @returns what each gave.
 * @throws what the first that failed threw, once all others were stopped.
 */
export async function runParticipants({
  invite,
  engine,
  shares,
  random,
  stop,
  onMisfit,
  onStatus,
  sample,
  observe = (training) => training,
}: SimulatedParticipants): Promise<ParticipantTotals[]> {
  const inTurn = trainingInTurn();
  // Blobs never change: what one fetched, the others need not.
  const blobs = memoryBlobCache();
  const participants = shares.map((images, index) => {
    // A stream each: what one draws must not depend on when the others had their turn.
    const own = new RandomStream(randomBytes(random, STREAM_SEED_BYTES));
    const seed = randomBytes(own, STREAM_SEED_BYTES);
    const label = `simulated ${index + 1}`;
    const participant = new Participant({
      invite,
      label,
      onMisfit: (misfit) => {
        onMisfit?.(label, misfit);
        return "go-on";
      },
      training: inTurn(
        observe(engineTrainers({ engine, images, seed, ...(sample && { sample }) }), index),
      ),
      ports: { blobs, randomBytes: (length) => randomBytes(own, length) },
    });
    participant.subscribe((status) => onStatus?.(label, status));
    return participant;
  });
  const stopAll = (): void => {
    for (const participant of participants) participant.stop();
  };
  stop.addEventListener("abort", stopAll, { once: true });
  if (stop.aborted) stopAll();
  try {
    return await Promise.all(
      participants.map(async (participant) => {
        try {
          await participant.run();
        } catch (error) {
          stopAll();
          throw error;
        }
        return participant.totals;
      }),
    );
  } finally {
    stop.removeEventListener("abort", stopAll);
  }
}

function randomBytes(random: RandomStream, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.word() & 255);
}
