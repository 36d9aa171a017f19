import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import {
  cheapestVariances,
  everywhere,
  nothing,
  replacement,
  scaled,
  withinTheDoor,
  type Forgery,
} from "../hostile/forgeries.ts";
import type { RecordedRound } from "./recorded-round.ts";

/** What the hostile participants of one round know: all that the others send. */
interface Round extends RecordedRound {
  readonly layout: StateLayout;
  readonly hostile: number;
}

/** What they all send, the same, before the door has a say. */
type OneRoundAttack = (round: Round) => Float32Array<ArrayBuffer>;

const forged =
  (forgery: Forgery): OneRoundAttack =>
  ({ layout, student, teacher, updates }) =>
    forgery({ layout, teacher, student, honest: updates[0]!, participants: updates.length });

/** Mean and standard deviation of what honest participants send, by coordinate. */
function spread({ hostile, updates }: Round): {
  readonly mean: Float32Array<ArrayBuffer>;
  readonly deviation: Float32Array<ArrayBuffer>;
} {
  const honest = updates.slice(hostile);
  const mean = new Float32Array(honest[0]!.length);
  const deviation = new Float32Array(mean.length);
  for (let j = 0; j < mean.length; j++) {
    let sum = 0;
    for (const one of honest) sum += one[j]!;
    mean[j] = sum / honest.length;
    let squares = 0;
    for (const one of honest) squares += (one[j]! - mean[j]!) ** 2;
    deviation[j] = Math.sqrt(squares / honest.length);
  }
  return { mean, deviation };
}

/** A little is enough (Baruch et al. 2019): as far as still looks like one of the others. */
const alie: OneRoundAttack = (round) => {
  const { mean, deviation } = spread(round);
  // The normal quantile of the share that must look worse; 1.5 as in the paper's experiments.
  return mean.map((value, j) => value - 1.5 * deviation[j]!);
};

/** Inner product manipulation (Xie et al. 2020): against the others' mean. */
const ipm =
  (epsilon: number): OneRoundAttack =>
  (round) =>
    spread(round).mean.map((value) => -epsilon * value);

function apart(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, j) => sum + (value - b[j]!) ** 2, 0);
}

/** Min-Max (Shejwalkar & Houmansadr 2021): as far against the deviations as two honest ones are apart. */
const minMax: OneRoundAttack = (round) => {
  const { mean, deviation } = spread(round);
  const honest = round.updates.slice(round.hostile);
  let farthest = 0;
  for (const a of honest) for (const b of honest) farthest = Math.max(farthest, apart(a, b));
  const at = (gamma: number) => mean.map((value, j) => value - gamma * deviation[j]!);
  let [low, high] = [0, 20];
  for (let step = 0; step < 12; step++) {
    const gamma = (low + high) / 2;
    const candidate = at(gamma);
    if (honest.every((one) => apart(candidate, one) <= farthest)) low = gamma;
    else high = gamma;
  }
  return at(low);
};

/** Of one round; each with what it is, for people. */
export const ONE_ROUND_ATTACKS: readonly {
  readonly name: string;
  readonly attack: OneRoundAttack;
}[] = [
  { name: "replacement", attack: forged(replacement("weights")) },
  { name: "huge", attack: forged(everywhere(1e30)) },
  { name: "sign-flip", attack: forged(scaled(-10)) },
  { name: "alie", attack: alie },
  { name: "ipm-0.5", attack: ipm(0.5) },
  { name: "ipm-10", attack: ipm(10) },
  { name: "min-max", attack: minMax },
  { name: "zero", attack: forged(nothing) },
  { name: "variances", attack: forged(cheapestVariances) },
];

/** The round's updates where the first so many are hostile: what is refused at the door is the nearest that is not. */
export function attacked(round: Round, attack: OneRoundAttack): readonly Float32Array[] {
  const { hostile, layout, student, teacher, updates } = round;
  const made = attack(round);
  const honest = updates[0]!;
  const seen = { layout, teacher, student, honest, participants: updates.length };
  const sent = withinTheDoor(made, seen);
  return updates.map((update, i) => (i < hostile ? sent : update));
}
