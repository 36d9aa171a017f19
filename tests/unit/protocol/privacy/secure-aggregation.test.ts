import { beforeAll, describe, expect, it } from "vitest";
import {
  deliveryFor,
  leftOver,
} from "../../../../protocol/privacy/secure-aggregation/coordinator.ts";
import type {
  Revelation,
  SharedSecrets,
} from "../../../../protocol/privacy/secure-aggregation/messages.ts";
import type { PrivateRound } from "../../../../protocol/privacy/private-round.ts";
import { advertisementBytes } from "../../../../protocol/privacy/secure-aggregation/session.ts";
import {
  rebuildSecret,
  shareSecret,
} from "../../../../protocol/privacy/secure-aggregation/shamir.ts";
import {
  isAt,
  patterns,
  players,
  randomBytes,
  rotated,
  runSession,
  staysHidden,
} from "./masked-session.ts";
import { makePeople, roundOf, type Person } from "./people.ts";

let people: Person[];
let round: PrivateRound;

beforeAll(async () => {
  people = await makePeople(8);
  round = roundOf(people);
});

const unsafe = { code: "unsafe-sum" };
const piece = (words: Uint16Array<ArrayBuffer>) => ({ index: 0, bits: 16 as const, words });

/** A session of so many, come as far as masked words. */
async function masked(count: number) {
  const { players: all, session } = await players(people.slice(0, count), round);
  const shared = [];
  for (const { session: one } of all) shared.push(await one.share(session.roster));
  for (const { person, session: one, words } of all) {
    await one.mask(deliveryFor(person.participant, shared), [
      piece(words as Uint16Array<ArrayBuffer>),
    ]);
  }
  return { all, session, shared, names: all.map(({ person }) => person.participant) };
}

describe("secure aggregation", () => {
  it("[M7] [M7.5] [M7.7] sums exactly what survivors sent, or tells nothing, however four leave", async () => {
    for (const [i, pattern] of patterns(4).entries()) {
      const { players: all, session } = await players(
        people.slice(0, 4),
        round,
        rotated(pattern, i),
      );
      if (staysHidden(all, session)) {
        await expect(runSession(all, session), pattern.join()).rejects.toMatchObject(unsafe);
      } else {
        const { expected, sum } = await runSession(all, session);
        expect(sum, pattern.join()).toEqual(expected);
      }
    }
  });

  it("[M7.5] takes the masks of who left off, wherever they stand in the order", async () => {
    for (let first = 0; first < 8; first += 3) {
      const leaves = rotated(
        ["mask", "never", "confirm", "never", "never", "never", "never", "never"] as const,
        first,
      );
      const { players: all, session } = await players(people, round, leaves);
      const { expected, sum } = await runSession(all, session);
      expect(sum).toEqual(expected);
      expect(all.filter(isAt("mask"))).toHaveLength(7);
    }
  });

  it("[M5.1] [M7.1] is not taken part in by two, by one organisation's, or by 33", async () => {
    const tell = async (of: readonly Person[]) => {
      const { players: all, session } = await players(of, round);
      return all[0]!.session.share(session.roster);
    };
    await expect(tell(people.slice(0, 2))).rejects.toThrow(/2 participants.*of two/);
    const alike = people.filter((_, i) => i % 2 === 0);
    await expect(tell(alike)).rejects.toThrow(/one organisation alone/);
    const { players: all, session } = await players(people.slice(0, 3), round);
    const crowd = Array.from({ length: 33 }, (_, i) => session.roster[i % 3]!);
    await expect(all[0]!.session.share(crowd)).rejects.toThrow(/more than 32/);
    const strict = { ...round, minimum: 5 };
    const four = await players(people.slice(0, 4), strict);
    await expect(four.players[0]!.session.share(four.session.roster)).rejects.toThrow(/than 5/);
  });

  it("[M4.2] [M7.2] [M5.2] is refused with identities made up, keys changed, or another student", async () => {
    const strangers = await makePeople(2);
    const { players: all, session } = await players(people.slice(0, 3), round);
    const invented = await players(
      [{ ...strangers[0]!, participant: `p-${"z".repeat(20)}` }],
      round,
    );
    const withThem = [...session.roster, ...invented.session.roster];
    await expect(all[0]!.session.share(withThem)).rejects.toThrow(/no organisation/);
    const swapped = session.roster.map((entry, i) =>
      i === 1 ? Object.assign({}, entry, { masking: invented.session.roster[0]!.masking }) : entry,
    );
    await expect(all[1]!.session.share(swapped)).rejects.toMatchObject(unsafe);
    await expect(all[2]!.session.share(swapped)).rejects.toThrow(/did not sign its keys/);
    // One is shown another student: it goes on with nobody, and nobody with it.
    const other = await players(people.slice(3, 4), { ...round, student: "9".repeat(64) });
    const three = await players(people.slice(0, 3), round);
    const split = [...three.session.roster, ...other.session.roster];
    await expect(three.players[0]!.session.share(split)).rejects.toThrow(/did not sign/);
    await expect(other.players[0]!.session.share(split)).rejects.toThrow(/did not sign/);
  });

  it("[M7.2] is refused with a key with which everybody has the same in common", async () => {
    const { players: all } = await players(people.slice(0, 2), round);
    const { sign, ...known } = people[2]!;
    const keys = {
      participant: known.participant,
      device: known.device,
      organisation: known.organisation,
      vouch: known.vouch,
      encryption: `01${"0".repeat(62)}`,
      masking: "a".repeat(64),
    };
    const low = { ...keys, signature: await sign(advertisementBytes(round, keys)) };
    const roster = [...all.map(({ session }) => session.advertisement), low];
    await expect(all[0]!.session.share(roster)).rejects.toThrow(/of low order/);
  });

  it("[M7.3] derives other keys from another roster, so that shares do not open", async () => {
    const { players: all, session } = await players(people.slice(0, 4), round);
    const without = session.roster.slice(0, 3);
    const shared = [
      await all[0]!.session.share(session.roster),
      await all[1]!.session.share(without),
      await all[2]!.session.share(session.roster),
      await all[3]!.session.share(session.roster),
    ];
    const own = all[0]!;
    const delivery = deliveryFor(own.person.participant, shared);
    const words = own.words as Uint16Array<ArrayBuffer>;
    await expect(own.session.mask(delivery, [piece(words)])).rejects.toThrow(/do not open/);
  });

  it("[M7.4] is refused where fewer than t shared, and shares come once, from the roster", async () => {
    const { players: all, session } = await players(people.slice(0, 5), round);
    const shared: SharedSecrets[] = [];
    for (const { session: one } of all) shared.push(await one.share(session.roster));
    const mask = (i: number, from: readonly SharedSecrets[]) =>
      all[i]!.session.mask(deliveryFor(all[i]!.person.participant, from), []);
    await expect(mask(0, shared.slice(0, 3))).rejects.toThrow(/3 shared.* fewer than 4/);
    await expect(mask(1, [...shared, shared[0]!])).rejects.toThrow(/came twice/);
    const { boxes } = shared[0]!;
    const forged = { ...shared[2]!, participant: shared[3]!.participant, boxes };
    await expect(mask(2, [shared[0]!, shared[1]!, shared[2]!, forged])).rejects.toThrow(
      /do not open/,
    );
  });

  it("[M7.6] reveals for one survivors' set alone, signed by t of it, and once", async () => {
    const { all, names } = await masked(5);
    const [a, b] = [names, names.slice(0, 4)];
    // The coordinator shows two sets: neither gets the four signatures that it takes.
    const ofA = [await all[0]!.session.confirm(a), await all[1]!.session.confirm(a)];
    const ofB = [await all[2]!.session.confirm(b), await all[3]!.session.confirm(b)];
    await expect(all[0]!.session.confirm(b)).rejects.toThrow(/not where that follows/);
    await expect(all[0]!.session.reveal([...ofA, ...ofB])).rejects.toThrow(/2 survivors signed/);
    await expect(all[1]!.session.reveal([ofA[0]!, ofA[0]!, ofA[1]!, ofA[1]!])).rejects.toThrow(
      /2 surv/,
    );
    await expect(all[1]!.session.reveal(ofA)).rejects.toThrow(/not where that follows/);
    await expect(all[4]!.session.confirm(names.slice(0, 3))).rejects.toThrow(
      /3 survivors are fewer/,
    );
  });

  it("[M7.6] reveals of each other exactly one kind of share, and not a second time", async () => {
    const { all, names, session, shared } = await masked(5);
    const survivors = names.slice(0, 4);
    const confirmations = [];
    for (const { session: one } of all) confirmations.push(await one.confirm(survivors));
    // Replays of another session count for nothing.
    const replay = await masked(5);
    const old = await Promise.all(replay.all.map(({ session: one }) => one.confirm(survivors)));
    await expect(all[4]!.session.reveal(old)).rejects.toThrow(/0 survivors signed/);
    const revelation = await all[0]!.session.reveal(confirmations);
    expect(revelation.shares.map(({ kind, of }) => [of, kind])).toEqual(
      expect.arrayContaining([...survivors.map((of) => [of, "self"]), [names[4], "masking"]]),
    );
    expect(revelation.shares).toHaveLength(5);
    await expect(all[0]!.session.reveal(confirmations)).rejects.toThrow(/not where that follows/);
    const three = [revelation];
    for (const i of [1, 2]) three.push(await all[i]!.session.reveal(confirmations));
    const known = { session, shared, survivors };
    await expect(leftOver({ ...known, revelations: three })).rejects.toThrow(/stays hidden/);
  });

  it("[M7.7] gets over one who reveals wrong shares, and names what two spoil", async () => {
    const { all, names, session, shared } = await masked(5);
    const confirmations = [];
    for (const { session: one } of all) confirmations.push(await one.confirm(names));
    const revelations: Revelation[] = [];
    for (const { session: one } of all) revelations.push(await one.reveal(confirmations));
    const lie = (i: number) => ({
      ...revelations[i]!,
      shares: revelations[i]!.shares.map(({ kind, of }) => ({ kind, of, share: "01".repeat(33) })),
    });
    const known = { session, shared, survivors: names };
    const one = revelations.map((told, i) => (i === 1 ? lie(i) : told));
    await expect(leftOver({ ...known, revelations: one })).resolves.toHaveLength(5);
    const two = one.map((told, i) => (i === 3 ? lie(i) : told));
    await expect(leftOver({ ...known, revelations: two })).rejects.toThrow(/do not give it/);
  });
});

describe("shares of a secret", () => {
  it("[M7.4] rebuild it by any t of n, and of fewer any secret may be the one", () => {
    const secret = randomBytes(32);
    secret[0] = 255;
    const shares = shareSecret(secret, { threshold: 3, holders: 5 }, randomBytes);
    for (const chosen of [
      [0, 1, 2],
      [4, 2, 0],
      [1, 3, 4],
    ]) {
      expect(rebuildSecret(chosen.map((i) => shares[i]!))).toEqual(secret);
    }
    expect(rebuildSecret([shares[0]!, shares[1]!])).not.toEqual(secret);
    expect(rebuildSecret([shares[0]!, shares[0]!, shares[1]!])).toBeUndefined();
    const beyond = { x: 9, y: new Uint8Array(33).fill(255) };
    expect(rebuildSecret([beyond])).toBeUndefined();
    expect(() => shareSecret(secret, { threshold: 4, holders: 3 }, randomBytes)).toThrow(
      /no thresh/,
    );
    expect(() => shareSecret(randomBytes(31), { threshold: 1, holders: 1 }, randomBytes)).toThrow(
      /32/,
    );
  });
});
