import type { ParameterRole } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";

/** What a hostile participant has at hand when it makes up an update. */
export interface Seen {
  readonly layout: StateLayout;
  /** State vectors. */
  readonly teacher: Float32Array;
  readonly student: Float32Array;
  /** The update that it would send were it honest; zeros where it has not trained. */
  readonly honest: Float32Array;
  /** How many take part: what is to hold after a plain mean is sent so many times over. */
  readonly participants: number;
}

/** Makes an update up: what is sent is θ_round − θ_local (SPEC D4). */
export type Forgery = (seen: Seen) => Float32Array<ArrayBuffer>;

/**
 * Local weights are the teacher's, times as many as take part where boosted, so that a mean ends there;
 * statistics, too, are boosted only where that is wanted: no images give statistics like those.
 */
export function replacement(boosted: "no" | "weights" | "all"): Forgery {
  return ({ layout, participants, student, teacher }) => {
    const end = { no: 0, weights: layout.trainableLength, all: layout.length }[boosted];
    return student.map((value, i) => (i < end ? participants : 1) * (value - teacher[i]!));
  };
}

/** ±value in turn, in trainable values or everywhere. */
export function everywhere(value: number, section: "trainable" | "all" = "all"): Forgery {
  return ({ layout, student }) => {
    const update = new Float32Array(student.length);
    const end = section === "all" ? layout.length : layout.trainableLength;
    for (let i = 0; i < end; i++) update[i] = i % 2 === 0 ? value : -value;
    return update;
  };
}

/** The honest update, times a factor. */
export function scaled(factor: number): Forgery {
  return ({ honest }) => honest.map((value) => factor * value);
}

export const nothing: Forgery = ({ student }) => new Float32Array(student.length);

/** The honest update, but for all values of a role. */
export function inRole(role: ParameterRole, value: (at: number, seen: Seen) => number): Forgery {
  return (seen) => {
    const update = seen.honest.slice();
    for (const i of placesOf(seen.layout, role)) update[i] = value(i, seen);
    return update;
  };
}

/** The honest update, but for the first bias of the last layer: towards class 0. */
export function oneBias(length: (seen: Seen) => number): Forgery {
  return (seen) => {
    const update = seen.honest.slice();
    update[placesOf(seen.layout, "linear-bias")[0]!] = -length(seen);
    return update;
  };
}

/**
 * Statistics of honest length, all of it in one variance: the largest that a mean brings to 0 with it, or
 * else the smallest there is.
 */
export const oneVariance: Forgery = (seen) => {
  const { honest, layout, participants, student } = seen;
  const update = withoutStatistics(honest, layout);
  const budget = statisticsNorm(honest, layout);
  const ascending = byVariance(seen);
  const within = ascending.filter((i) => participants * student[i]! <= budget);
  update[within.at(-1) ?? ascending[0]!] = budget;
  return update;
};

/** Statistics of honest length, spent on bringing as many variances to 0 as it lasts for. */
export const cheapestVariances: Forgery = (seen) => {
  const { honest, layout, participants, student } = seen;
  const update = withoutStatistics(honest, layout);
  let left = statisticsNorm(honest, layout) ** 2;
  for (const i of byVariance(seen)) {
    const needed = participants * student[i]!;
    if (needed ** 2 > left) break;
    update[i] = needed;
    left -= needed ** 2;
  }
  return update;
};

function byVariance({ layout, student }: Seen): readonly number[] {
  return placesOf(layout, "running-variance").sort((a, b) => student[a]! - student[b]!);
}

function withoutStatistics(update: Float32Array, layout: StateLayout): Float32Array<ArrayBuffer> {
  return new Float32Array(update).fill(0, layout.trainableLength);
}

function statisticsNorm(update: Float32Array, layout: StateLayout): number {
  return normOf(update.subarray(layout.trainableLength));
}

/** The door takes no larger change of a trainable value (SPEC U8), with room for rounding. */
const LARGEST_CHANGE = 0.99e4;
/** Statistics are taken this far from the teacher's: a tenth of what SPEC U8 permits. */
const FARTHEST_MEAN = 1e3;
const LARGEST_VARIANCE = 1e7;

/** The nearest update that the door takes (SPEC U8): as bad as what was made up, as far as it goes. */
export function withinTheDoor(
  update: Float32Array,
  { layout, student, teacher }: Seen,
): Float32Array<ArrayBuffer> {
  const taken = update.map((value) => between(-LARGEST_CHANGE, value, LARGEST_CHANGE));
  const variances = placesOf(layout, "running-variance");
  placesOf(layout, "running-mean").forEach((mean, channel) => {
    const variance = variances[channel]!;
    const reach = FARTHEST_MEAN * Math.sqrt(teacher[variance]!);
    const [low, high] = [teacher[mean]! - reach, teacher[mean]! + reach];
    taken[mean] = student[mean]! - between(low, student[mean]! - update[mean]!, high);
    const most = LARGEST_VARIANCE * teacher[variance]!;
    const local = between(0, student[variance]! - update[variance]!, most);
    taken[variance] = student[variance]! - local;
  });
  return taken;
}

function between(low: number, value: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

/** ‖values‖₂, in double. */
export function normOf(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

/** Indices into the state vector. */
function placesOf(layout: StateLayout, role: ParameterRole): number[] {
  return layout.entries
    .filter((entry) => entry.role === role)
    .flatMap(({ offset, size }) => Array.from({ length: size }, (_, i) => offset + i));
}
