import { keystream } from "../../../protocol/privacy/masks/keystream.ts";
import { checkRequest, sumOfMasks } from "../../../protocol/privacy/two-operators/helper.ts";
import { makeHelperKeys, sealSeed } from "../../../protocol/privacy/two-operators/sealed-seed.ts";
import { decodeSum } from "../../../protocol/privacy/vector/fixed-point.ts";
import { addWords, subtractWords, zeroWords } from "../../../protocol/privacy/vector/words.ts";
import { makePeople, roundOf } from "../../unit/protocol/privacy/people.ts";
import { cpuSeconds, quantised, round, someUpdate, type CostRow, type Measured } from "./costs.ts";

/** A round of two operators. */
export async function twoOperatorCosts({ participants, values }: Measured): Promise<CostRow> {
  const keys = await makeHelperKeys();
  const people = await makePeople(participants);
  const of = roundOf(people, { helper: keys.publicKey });
  const update = someUpdate(values);
  const seal = (i: number) => {
    const seed = crypto.getRandomValues(new Uint8Array(32));
    return { seed, sealed: sealSeed(seed, of, people[i]!) };
  };
  const own = await cpuSeconds(async () => {
    const pieces = quantised(update, participants);
    const { sealed, seed } = seal(0);
    const stream = await keystream(seed);
    for (const { bits, index, words } of pieces) {
      subtractWords(words, await stream.words(index, bits, words.length));
    }
    return { pieces, sealed: await sealed };
  });
  const { pieces } = own.result;
  const others = await Promise.all(people.slice(1).map((_, i) => seal(i + 1).sealed));
  const seeds = [own.result.sealed, ...others];
  const helper = await cpuSeconds(async () => {
    const { streams } = await checkRequest({ round: of, seeds }, keys);
    const sums = [];
    for (const { bits, index, words } of pieces) {
      sums.push(await sumOfMasks(streams, index, bits, words.length));
    }
    return sums;
  });
  const adding = await cpuSeconds(() => {
    for (const [i, { bits, words }] of pieces.entries()) {
      const sum = zeroWords(bits, words.length);
      for (let one = 0; one < participants; one++) addWords(sum, words);
      addWords(sum, helper.result[i]!);
      // One participant's words stand for all: what they decode to is nothing, the work is the same.
      sum.fill(0);
      const section = { bits, runs: [{ length: words.length, exponent: 0 }] };
      decodeSum(sum, section, { participants, weight: 1 }, participants);
    }
  });
  const upBytes = 2 * values + JSON.stringify(own.result.sealed).length;
  return {
    how: "two operators",
    values,
    participants,
    gone: 0,
    participantSeconds: own.seconds,
    coordinatorSeconds: round(adding.seconds),
    helperSeconds: helper.seconds,
    upBytes,
    downBytes: 0,
    participantBytes: 2 * values,
  };
}
