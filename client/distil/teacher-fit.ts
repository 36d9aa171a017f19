import type { Graph, ImageShape } from "../../protocol/model/graph.ts";
import type { StateLayout } from "../../protocol/model/state-layout.ts";
import {
  LARGEST_DISTANCE,
  LEAST_FIT_IMAGES,
  NEAR_DISTANCE,
  READ_DISTANCE,
  preparationOf,
  PREPARATIONS,
  type Fit,
  type PreparationName,
} from "../../protocol/round/fit.ts";
import type { Reading } from "../../protocol/model/readings.ts";
import type { Session } from "../engine/engine.ts";
import type { ImageSet } from "../images/image-set.ts";
import { resizedImages } from "../images/resized-images.ts";
import { channelStatistics } from "./channel-statistics.ts";
import type { Normalisation } from "./normalise.ts";
import { statisticsDistance } from "./statistics-distance.ts";
import { askTeacher, evenly, type ImagePool } from "./teacher-answers.ts";

export interface FitQuestion {
  readonly session: Session;
  readonly graph: Graph;
  readonly layout: StateLayout;
  /** The teacher's state vector. */
  readonly teacher: Float32Array;
  /** The images that it is asked about, and how the campaign normalises them. */
  readonly pool: ImagePool;
  /** What its tensors may be besides. */
  readonly readings: readonly Reading[];
  /** A session of the teacher as one of these; it is closed once it was asked. */
  readonly open: (graph: Graph) => Session;
  /** So many of the pictures made in another size; undefined where there are only the images as they are. */
  readonly inSize: (shape: ImageShape, count: number) => Promise<ImageSet | undefined>;
}

export interface FitHooks {
  readonly signal: AbortSignal;
  /** Awaited before every batch: the device idles until it resolves. */
  readonly beforeBatch: () => Promise<void>;
}

/**
 * What the teacher, in evaluation mode, makes of images as they are, without augmentation (SPEC F1): how
 * sure it is, and how far what its batch norms read lies from what they were trained on; where that is not
 * near, also under the normalisations that models are otherwise trained with, and as the other networks
 * that its tensors may be.
 *
 * @returns null for fewer than 16 images, which say too little
 * @throws EngineError from the session; the signal's reason when it aborts, between batches.
 *
 * @example
 * const fit = await teacherFit({ session, graph, layout, teacher, pool }, hooks);
 * if (fit !== null) misfitOf(fit, config.fit, graph.classes);
 */
export async function teacherFit(question: FitQuestion, hooks: FitHooks): Promise<Fit | null> {
  const { graph, pool, session } = question;
  const images = pool.indices.length;
  if (images < LEAST_FIT_IMAGES) return null;
  const { classes, references } = await askTeacher(session, pool, hooks);
  const answers = { images, ...sureness(references, classes) };
  const hasNorms = graph.operations.some(
    (operation) => operation.kind === "batch-norm" && operation.standsIn !== true,
  );
  if (!hasNorms) return { ...answers, distance: null, otherwise: null, reading: null };
  const distance = await distanceUnder(question, pool.normalisation, hooks);
  const otherwise = distance > NEAR_DISTANCE ? await nearestOtherwise(question, hooks) : null;
  const reading = distance > READ_DISTANCE ? await nearestReading(question, distance, hooks) : null;
  return { ...answers, distance, otherwise, reading };
}

/**
 * Means of the largest probability and of the entropy of answers `[n, classes]`. One that is not finite
 * says as little as an answer can.
 */
function sureness(answers: Float32Array, classes: number): Pick<Fit, "confidence" | "entropy"> {
  const count = answers.length / classes;
  let confidence = 0;
  let entropy = 0;
  for (let image = 0; image < count; image++) {
    const row = answers.subarray(image * classes, (image + 1) * classes);
    const largest = row.reduce((most, share) => Math.max(most, share), 0);
    const nats = row.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
    const isFinite = Number.isFinite(largest) && Number.isFinite(nats);
    confidence += isFinite ? Math.min(1, largest) : 1 / classes;
    entropy += isFinite ? Math.min(Math.max(0, nats), Math.log(classes)) : Math.log(classes);
  }
  return { confidence: confidence / count, entropy: entropy / count };
}

async function distanceUnder(
  { graph, layout, pool, session, teacher }: FitQuestion,
  normalisation: Normalisation,
  hooks: FitHooks,
): Promise<number> {
  const { batchSize, images, indices } = pool;
  const measured = await channelStatistics(
    { session, graph, layout, images, indices, normalisation, batchSize },
    hooks,
  );
  const own = teacher.subarray(layout.trainableLength);
  const distance = statisticsDistance(graph, layout, own, measured, indices.length);
  return distance <= LARGEST_DISTANCE ? distance : LARGEST_DISTANCE;
}

async function nearestOtherwise(question: FitQuestion, hooks: FitHooks): Promise<Fit["otherwise"]> {
  let nearest: Fit["otherwise"] = null;
  const { channels } = question.pool.images;
  for (const as of Object.keys(PREPARATIONS) as PreparationName[]) {
    const distance = await distanceUnder(question, preparationOf(as, channels), hooks);
    if (nearest === null || distance < nearest.distance) nearest = { as, distance };
  }
  return nearest;
}

/** Images that another network is asked about: so few that all readings take no longer than a round. */
const READ_IMAGES = 64;

/** Sides of the largest images of which it is asked about as many; of larger ones fewer. */
const READ_SIDE = 64;

/**
 * The network of the same tensors under which the images are nearest. Sizes are tried from the model's own
 * one on, and no further in a direction in which it gets no nearer.
 */
async function nearestReading(
  question: FitQuestion,
  own: number,
  hooks: FitHooks,
): Promise<Fit["reading"]> {
  const { open, pool, readings } = question;
  const { height } = pool.images;
  const sizeOf = ({ says }: Reading): number => says.size ?? height;
  const byStep = readings.toSorted(
    (a, b) => Math.abs(sizeOf(a) - height) - Math.abs(sizeOf(b) - height),
  );
  const reached = new Map<number, number>();
  let nearest: Fit["reading"] = null;
  for (const reading of byStep) {
    const { says, graph } = reading;
    const direction = Math.sign(sizeOf(reading) - height);
    const before = reached.get(direction) ?? own;
    if (direction !== 0 && before === Infinity) continue;
    const { inputShape } = graph;
    const share = Math.min(1, (READ_SIDE / inputShape.height) ** 2);
    const count = Math.max(LEAST_FIT_IMAGES, Math.round(share * READ_IMAGES));
    const chosen = [...evenly(pool.indices, count)];
    const made = direction === 0 ? undefined : await question.inSize(inputShape, chosen.length);
    const images = made ?? (await resizedImages(pool.images, chosen, inputShape));
    const indices = Uint32Array.from(chosen, (_, i) => i);
    const session = open(graph);
    try {
      const as = { ...question, session, graph, pool: { ...pool, images, indices } };
      const distance = await distanceUnder(as, pool.normalisation, hooks);
      if (direction !== 0) reached.set(direction, distance < before ? distance : Infinity);
      if (distance >= (nearest?.distance ?? Infinity)) continue;
      const { classes, references } = await askTeacher(session, as.pool, hooks);
      nearest = { says, distance, ...sureness(references, classes) };
    } finally {
      session.close();
    }
  }
  return nearest;
}
