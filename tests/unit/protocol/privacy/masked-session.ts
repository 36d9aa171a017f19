import {
  deliveryFor,
  leftOver,
  leftOverWords,
} from "../../../../protocol/privacy/secure-aggregation/coordinator.ts";
import { MaskingParticipant } from "../../../../protocol/privacy/secure-aggregation/participant.ts";
import type { PrivateRound } from "../../../../protocol/privacy/private-round.ts";
import {
  sessionOf,
  type Session,
} from "../../../../protocol/privacy/secure-aggregation/session.ts";
import {
  addWords,
  subtractWords,
  zeroWords,
  type Words,
} from "../../../../protocol/privacy/vector/words.ts";
import type { Person } from "./people.ts";

const WORDS = 9;

/** Before which of its messages a participant leaves: shares, masked words, its signature, what it reveals. */
export const STAGES = ["share", "mask", "confirm", "reveal", "never"] as const;
export type LeavesBefore = (typeof STAGES)[number];

/** One participant, its values, and its words once they are masked. */
export interface Player {
  readonly person: Person;
  readonly session: MaskingParticipant;
  readonly values: Words;
  readonly words: Words;
  readonly leaves: LeavesBefore;
}

export const randomBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));

export async function players(
  people: readonly Person[],
  round: PrivateRound,
  leaves: readonly LeavesBefore[] = [],
): Promise<{ readonly players: Player[]; readonly session: Session }> {
  const all = await Promise.all(
    people.map(async (person, i) => {
      const values = crypto.getRandomValues(new Uint16Array(WORDS));
      return {
        person,
        session: await MaskingParticipant.advertise(round, { ...person, randomBytes }),
        values,
        words: values.slice(),
        leaves: leaves[i] ?? "never",
      };
    }),
  );
  const roster = all.map(({ session }) => session.advertisement);
  return { players: all, session: sessionOf(round, roster) };
}

export const isAt =
  (stage: LeavesBefore) =>
  (player: Player): boolean =>
    STAGES.indexOf(player.leaves) > STAGES.indexOf(stage);

/** The survivors' sum as the coordinator comes by it, all keeping to the protocol until they leave. */
export async function runSession(
  all: readonly Player[],
  session: Session,
): Promise<{ readonly sum: Words; readonly expected: Words }> {
  const sharers = all.filter(isAt("share"));
  const shared = [];
  for (const { session: one } of sharers) shared.push(await one.share(session.roster));
  const arrived = sharers.filter(isAt("mask"));
  for (const { person, session: one, words } of arrived) {
    const piece = { index: 0, bits: 16, words } as const;
    await one.mask(deliveryFor(person.participant, shared), [piece]);
  }
  const survivors = arrived.map(({ person }) => person.participant);
  const confirming = arrived.filter(isAt("confirm"));
  const confirmations = [];
  for (const { session: one } of confirming) confirmations.push(await one.confirm(survivors));
  const revelations = [];
  for (const { session: one } of confirming.filter(isAt("reveal"))) {
    revelations.push(await one.reveal(confirmations));
  }
  const sum = total(arrived.map(({ words }) => words));
  const left = await leftOver({ session, shared, survivors, revelations });
  subtractWords(sum, await leftOverWords(left, 0, 16, WORDS));
  return { sum, expected: total(arrived.map(({ values }) => values)) };
}

/** Whether so many left so early that the sum stays hidden. */
export function staysHidden(all: readonly Player[], { threshold }: Session): boolean {
  return (["share", "mask", "confirm", "reveal"] as const).some(
    (stage) => all.filter(isAt(stage)).length < threshold,
  );
}

/** Every way in which n may leave, as far as it matters who: multisets of stages. */
export function patterns(n: number, from = 0): LeavesBefore[][] {
  if (n === 0) return [[]];
  return STAGES.slice(from).flatMap((stage, i) =>
    patterns(n - 1, from + i).map((rest) => [stage].concat(rest)),
  );
}

/** The pattern, begun at another place: masks have a sign by who comes first. */
export function rotated<Item>(items: readonly Item[], by: number): Item[] {
  const at = by % items.length;
  return [...items.slice(at), ...items.slice(0, at)];
}

function total(all: readonly Words[]): Words {
  const sum = zeroWords(16, WORDS);
  for (const words of all) addWords(sum, words);
  return sum;
}
