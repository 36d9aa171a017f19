import {
  deliveryFor,
  leftOver,
  leftOverWords,
} from "../../../protocol/privacy/secure-aggregation/coordinator.ts";
import { addWords, subtractWords, zeroWords } from "../../../protocol/privacy/vector/words.ts";
import { players } from "../../unit/protocol/privacy/masked-session.ts";
import { makePeople, roundOf } from "../../unit/protocol/privacy/people.ts";
import { cpuSeconds, quantised, round, someUpdate, type CostRow, type Measured } from "./costs.ts";

const size = (message: unknown): number => JSON.stringify(message).length;

/** A round of secure aggregation in which so many leave after they shared their secrets. */
export async function secureAggregationCosts(
  { participants, values }: Measured,
  gone: number,
): Promise<CostRow> {
  const people = await makePeople(participants);
  const { players: all, session } = await players(people, roundOf(people));
  const update = someUpdate(values);
  const [measured, ...others] = all as [(typeof all)[number], ...typeof all];
  let seconds = 0;
  const own = async <Result>(work: () => Promise<Result> | Result): Promise<Result> => {
    const { result, seconds: taken } = await cpuSeconds(work);
    seconds += taken;
    return result;
  };
  const shared = [await own(() => measured.session.share(session.roster))];
  for (const { session: one } of others) shared.push(await one.share(session.roster));
  const delivery = deliveryFor(measured.person.participant, shared);
  const pieces = await own(async () => {
    const words = quantised(update, participants);
    await measured.session.mask(delivery, words);
    return words;
  });
  const staying = all.slice(0, participants - gone);
  for (const { person, session: one } of staying.slice(1)) {
    await one.mask(deliveryFor(person.participant, shared), []);
  }
  const survivors = staying.map(({ person }) => person.participant);
  const confirmations = [await own(() => measured.session.confirm(survivors))];
  for (const { session: one } of staying.slice(1)) confirmations.push(await one.confirm(survivors));
  const revelations = [await own(() => measured.session.reveal(confirmations))];
  for (const { session: one } of staying.slice(1))
    revelations.push(await one.reveal(confirmations));
  const unmasking = await cpuSeconds(async () => {
    const left = await leftOver({ session, shared, survivors, revelations });
    for (const { bits, index, words } of pieces) {
      const sum = zeroWords(bits, words.length);
      for (let one = 0; one < staying.length; one++) addWords(sum, words);
      subtractWords(sum, await leftOverWords(left, index, bits, words.length));
    }
  });
  return {
    how: "secure aggregation",
    values,
    participants,
    gone,
    participantSeconds: round(seconds),
    coordinatorSeconds: unmasking.seconds,
    helperSeconds: null,
    upBytes:
      2 * values +
      size(session.roster[0]) +
      size(shared[0]) +
      size(confirmations[0]) +
      size(revelations[0]),
    downBytes: size(session.roster) + size(delivery) + size(survivors) + size(confirmations),
    participantBytes: 2 * values,
  };
}
