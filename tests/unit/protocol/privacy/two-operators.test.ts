import { beforeAll, describe, expect, it } from "vitest";
import { keystream } from "../../../../protocol/privacy/masks/keystream.ts";
import type { PrivateRound } from "../../../../protocol/privacy/private-round.ts";
import {
  admitSet,
  checkRequest,
  sumOfMasks,
  type HelperRecords,
  type OpenedSet,
} from "../../../../protocol/privacy/two-operators/helper.ts";
import {
  makeHelperKeys,
  readHelperKeys,
  sealedSeedBytes,
  sealSeed,
  type HelperKeys,
} from "../../../../protocol/privacy/two-operators/sealed-seed.ts";
import type { SealedSeed } from "../../../../protocol/privacy/two-operators/sealed-seed-schema.ts";
import {
  addWords,
  subtractWords,
  zeroWords,
  type Words,
} from "../../../../protocol/privacy/vector/words.ts";
import { makePeople, roundOf, type Person } from "./people.ts";

const WORDS = 40;

let people: Person[];
let round: PrivateRound;
let keys: HelperKeys & { readonly secret: string };
/** What each participant sends: masked words to the coordinator, a sealed seed for the helper. */
let sent: { values: Words; masked: Words; sealed: SealedSeed }[];

function memory(): HelperRecords & { readonly sets: OpenedSet[] } {
  const sets: OpenedSet[] = [];
  return {
    sets,
    ofGroup: ({ campaign, group, round: number }) =>
      sets.find((set) => set.campaign === campaign && set.round === number && set.group === group),
    ofDevice: (student, device) =>
      sets.find((set) => set.student === student && set.devices.includes(device)),
    add: (set) => void sets.push(set),
  };
}

async function send(person: Person, of: PrivateRound = round): Promise<(typeof sent)[number]> {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const values = crypto.getRandomValues(new Uint16Array(WORDS));
  const masked = values.slice();
  subtractWords(masked, await (await keystream(seed)).words(0, 16, WORDS));
  return { values, masked, sealed: await sealSeed(seed, of, person) };
}

async function ask(
  records: HelperRecords,
  seeds: readonly SealedSeed[],
  of: PrivateRound = round,
): Promise<Words> {
  const { opened, streams } = await checkRequest({ round: of, seeds }, keys);
  admitSet(opened, records);
  return sumOfMasks(streams, 0, 16, WORDS);
}

const total = (all: readonly Words[]): Words => {
  const sum = zeroWords(16, WORDS);
  for (const words of all) addWords(sum, words);
  return sum;
};

beforeAll(async () => {
  people = await makePeople(6);
  keys = await makeHelperKeys();
  round = roundOf(people, { helper: keys.publicKey });
  sent = await Promise.all(people.map((person) => send(person)));
});

const sealedOf = (...indices: number[]): SealedSeed[] => indices.map((i) => sent[i]!.sealed);

describe("sums by two operators", () => {
  it("[M6] [M6.1] are exact for every set of three or more of five, and there is no other", async () => {
    for (let pattern = 0; pattern < 32; pattern++) {
      const present = [0, 1, 2, 3, 4].filter((i) => (pattern >> i) & 1);
      const asked = ask(memory(), sealedOf(...present));
      const organisations = new Set(present.map((i) => i % 2)).size;
      if (present.length < 3 || organisations < 2) {
        await expect(asked).rejects.toMatchObject({ code: "unsafe-sum" });
        continue;
      }
      const sum = total(present.map((i) => sent[i]!.masked));
      addWords(sum, await asked);
      expect(sum).toEqual(total(present.map((i) => sent[i]!.values)));
    }
  });

  it("[M6.6] look the same to the coordinator for any values of the same sum", async () => {
    // With masks as free as one-time pads: whatever q′ of the same sum is supposed, masks = y − q′ explain
    // all that the coordinator has, and add up to what the helper told.
    const told = await ask(memory(), sealedOf(0, 1, 2));
    const supposed = [sent[0]!, sent[1]!, sent[2]!].map(({ values }) => values.slice());
    const shift = crypto.getRandomValues(new Uint16Array(WORDS));
    addWords(supposed[0]!, shift);
    subtractWords(supposed[2]!, shift);
    const masks = supposed.map((values, i) => {
      const mask = values.slice();
      subtractWords(mask, sent[i]!.masked);
      return mask;
    });
    expect(total(masks)).toEqual(told);
  });

  it("[M6.5] are opened for the first set of a group, again for the same, never for another", async () => {
    const records = memory();
    const first = await ask(records, sealedOf(0, 1, 2, 3, 4));
    await expect(ask(records, sealedOf(0, 1, 2, 3))).rejects.toThrow(/another set/);
    await expect(ask(records, sealedOf(0, 1, 2, 3, 5))).rejects.toThrow(/another set/);
    expect(await ask(records, sealedOf(4, 3, 2, 1, 0))).toEqual(first);
    expect(records.sets).toHaveLength(1);
  });

  it("[M6.5] are not opened twice of one student: not in another attempt, round or group", async () => {
    const records = memory();
    await ask(records, sealedOf(0, 1, 2));
    const again = await Promise.all(people.map((person) => send(person)));
    const resealed = again.map(({ sealed }) => sealed);
    await expect(ask(records, resealed.slice(0, 3))).rejects.toThrow(/another set/);
    for (const change of [{ group: 1 }, { round: 5 }]) {
      const other = { ...round, ...change };
      const seeds = await Promise.all(people.map(async (one) => (await send(one, other)).sealed));
      await expect(ask(records, seeds.slice(2, 6), other)).rejects.toThrow(/nobody in common/);
      const disjoint = ask(records, seeds.slice(3, 6), other);
      await expect(disjoint).resolves.toHaveLength(WORDS);
      records.sets.pop();
    }
  });

  it("[M6.2] [M6.4] [M5.2] are refused under any round but the one that was sealed for", async () => {
    const another = await makeHelperKeys();
    for (const change of [
      { round: 5 },
      { group: 1 },
      { student: "f".repeat(64) },
      { teacher: "f".repeat(64) },
      { config: "f".repeat(64) },
      { minimum: 4 },
      { helper: another.publicKey },
    ]) {
      const told = { ...round, ...change };
      const seeds = sealedOf(0, 1, 2, 3);
      await expect(ask(memory(), seeds, told)).rejects.toMatchObject({ code: "unsafe-sum" });
    }
    // Signed under the round that is told, by a device that obeys, but sealed under another.
    const told = { ...round, round: 5 };
    const honest = await Promise.all(people.slice(0, 3).map((one) => send(one, told)));
    const mixed = honest.map(({ sealed }) => sealed);
    const stolen = { ...mixed[0]!, ...pick(sent[0]!.sealed) };
    mixed[0] = { ...stolen, signature: await people[0]!.sign(sealedSeedBytes(told, stolen)) };
    await expect(ask(memory(), mixed, told)).rejects.toThrow(/does not open/);
  });

  it("[M4.2] [M6.3] [M6.4] are refused with identities that nobody vouches for, or changed seeds", async () => {
    const strangers = await makePeople(2);
    const mine = { ...round, organisations: [...round.organisations] };
    const invented = await Promise.all(strangers.map((one) => send(one, mine)));
    const seeds = [sent[0]!.sealed, sent[1]!.sealed, invented[0]!.sealed];
    seeds[2] = { ...seeds[2]!, participant: "p-bbbbbbbbbbbbbbbbbbbb" };
    await expect(ask(memory(), seeds)).rejects.toThrow(/no organisation/);
    const pinsChanged = { ...round, organisations: [strangers[0]!.organisation] };
    await expect(ask(memory(), sealedOf(0, 1, 2), pinsChanged)).rejects.toThrow(/no organisation/);
    const changed = { ...sent[2]!.sealed, encapsulated: sent[3]!.sealed.encapsulated };
    await expect(ask(memory(), [...sealedOf(0, 1), changed])).rejects.toThrow(/did not sign/);
    await expect(ask(memory(), sealedOf(0, 1, 1))).rejects.toThrow(/twice/);
  });

  it("[M6] come of noise where the helper lies, and its keys outlive it", async () => {
    const sum = total([0, 1, 2].map((i) => sent[i]!.masked));
    addWords(sum, crypto.getRandomValues(new Uint16Array(WORDS)));
    expect(sum).not.toEqual(total([0, 1, 2].map((i) => sent[i]!.values)));
    const restarted = await readHelperKeys(keys);
    const request = { round, seeds: sealedOf(0, 1, 2) };
    await expect(checkRequest(request, restarted)).resolves.toBeDefined();
  });
});

function pick({ encapsulated, sealed }: SealedSeed): Pick<SealedSeed, "encapsulated" | "sealed"> {
  return { encapsulated, sealed };
}
