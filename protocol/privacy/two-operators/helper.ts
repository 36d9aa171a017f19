import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../../canonical-json.ts";
import { sha256, type Digest } from "../../digest.ts";
import { keystream, type Keystream } from "../masks/keystream.ts";
import { requireCrowd, unsafe, type PrivateRound } from "../private-round.ts";
import { addWords, zeroWords, type WordBits, type Words } from "../vector/words.ts";
import { openSeed, requireSeal, type HelperKeys } from "./sealed-seed.ts";
import type { SealedSeed } from "./sealed-seed-schema.ts";

/** Whose masks a coordinator asks the sum of. */
export interface HelperRequest {
  readonly round: PrivateRound;
  readonly seeds: readonly SealedSeed[];
}

/** A set that the helper has answered for. */
export interface OpenedSet extends Pick<PrivateRound, "campaign" | "round" | "group" | "student"> {
  /** Of all its sealed seeds. */
  readonly set: Digest;
  readonly devices: readonly string[];
}

/** What a helper must never forget. Asked and added to in one transaction. */
export interface HelperRecords {
  /** The set that was answered for, if one was. */
  ofGroup(group: Pick<OpenedSet, "campaign" | "round" | "group">): OpenedSet | undefined;
  /** The set of this student that the device is in, if it is in one. */
  ofDevice(student: string, device: string): OpenedSet | undefined;
  add(set: OpenedSet): void;
}

/**
 * Checks a request by itself: who is in it, and that each of them sealed its seed under this round (SPEC
 * M6.4). Nothing is given away yet.
 *
 * @throws ProtocolError `unsafe-sum`, saying what is refused and why.
 */
export async function checkRequest(
  { round, seeds }: HelperRequest,
  keys: HelperKeys,
): Promise<CheckedRequest> {
  if (round.helper !== keys.publicKey) throw unsafe("the round names another helper than this one");
  if (new Set(seeds.map(({ participant }) => participant)).size !== seeds.length) {
    throw unsafe("the set names a participant twice");
  }
  requireCrowd(round, seeds, "the set");
  for (const seed of seeds) await requireSeal(seed, round);
  const streams = await Promise.all(
    seeds.map(async (seed) => keystream(await openSeed(seed, round, keys))),
  );
  const { campaign, group, round: number, student } = round;
  const opened = {
    campaign,
    round: number,
    group,
    student,
    set: setDigest(seeds),
    devices: seeds.map(({ device }) => device),
  };
  return { opened, streams };
}

/** A request that is in order, as far as it tells by itself. */
export interface CheckedRequest {
  readonly opened: OpenedSet;
  readonly streams: readonly Keystream[];
}

/**
 * The rule that no two sums differ by one participant: of a round and group one set is answered for, the
 * first that is asked for, whatever the attempt, and of a student no device is in two (SPEC M6.5). The same
 * set again is answered again.
 *
 * @param records in the transaction that this is called in
 * @throws ProtocolError `unsafe-sum`.
 */
export function admitSet(opened: OpenedSet, records: HelperRecords): void {
  const { devices, group, round, set, student } = opened;
  const first = records.ofGroup(opened);
  if (first?.set === set) return;
  if (first !== undefined) {
    throw unsafe(
      `another set of round ${round}, group ${group} was answered for: the difference of two sums would show who is in one of them alone`,
    );
  }
  const again = devices.find((device) => records.ofDevice(student, device) !== undefined);
  if (again !== undefined) {
    throw unsafe(
      `device ${again.slice(0, 8)}… is in a set of this student that was answered for: sets of one student have nobody in common`,
    );
  }
  records.add(opened);
}

/** Σ of the masks of a set's participants, of one piece: all that a helper ever gives away. */
export async function sumOfMasks(
  streams: readonly Keystream[],
  piece: number,
  bits: WordBits,
  count: number,
): Promise<Words> {
  const sum = zeroWords(bits, count);
  for (const stream of streams) addWords(sum, await stream.words(piece, bits, count));
  return sum;
}

function setDigest(seeds: readonly SealedSeed[]): Digest {
  const ordered = seeds.toSorted((a, b) => (a.participant < b.participant ? -1 : 1));
  return sha256(utf8ToBytes(canonicalJson(ordered)));
}
