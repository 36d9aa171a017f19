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

/** Local weights are the teacher's; `boost` times over, so that a mean may end there. */
export function replacement(boost: (participants: number) => number): Forgery {
  return ({ participants, student, teacher }) =>
    student.map((value, i) => boost(participants) * (value - teacher[i]!));
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
