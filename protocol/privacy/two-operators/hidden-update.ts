import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { uniformSource } from "../../random/uniform-source.ts";
import { clipToNorm } from "../vector/bounds.ts";
import { decodeSum, quantise, type Cohort, type WireSection } from "../vector/fixed-point.ts";
import { totalsSection } from "../vector/update-vector.ts";
import { bytesOfWords, subtractWords, wordsOf, type Words } from "../vector/words.ts";
import { keystream, SEED_BYTES, type Keystream } from "../masks/keystream.ts";
import type { PrivateRound } from "../private-round.ts";
import { pieceOf } from "./mask-sums.ts";
import { sealSeed, type Sealer } from "./sealed-seed.ts";
import type { HiddenUpdate, OpenedTotals } from "./sealed-seed-schema.ts";

/** What is to be hidden, and how its words are made. */
export interface UpdateToHide {
  /** Trainable values, then running statistics. */
  readonly update: Float32Array;
  readonly trainableLength: number;
  /** Slices of the update, in their order. */
  readonly slices: readonly {
    readonly section: "trainable" | "statistics";
    readonly offset: number;
    readonly length: number;
    readonly wire: WireSection;
  }[];
  readonly clipNorm: number;
  readonly cohort: Cohort;
  readonly loss: number;
  readonly agreement: number;
}

/**
 * Hides an update: clipped, as words of fixed point, masked by a fresh seed that is sealed for the round's
 * helper (SPEC M9.3).
 *
 * @param randomBytes fresh ones: of the seed and of stochastic rounding
 * @returns bytes of each slice's masked words, and what goes with them
 * @throws ProtocolError `malformed-update` for a value that is not finite.
 */
export async function hideUpdate(
  { agreement, clipNorm, cohort, loss, slices, trainableLength, update }: UpdateToHide,
  round: PrivateRound,
  sealer: Sealer,
  randomBytes: (length: number) => Uint8Array,
): Promise<{ readonly frames: Uint8Array<ArrayBuffer>[]; readonly hidden: HiddenUpdate }> {
  const factor = clipToNorm(update.subarray(0, trainableLength), clipNorm);
  const seed = Uint8Array.from(randomBytes(SEED_BYTES));
  const stream = await keystream(seed);
  const rounding = randomBytes(SEED_BYTES);
  const frames: Uint8Array<ArrayBuffer>[] = [];
  const cut = { trainable: 0, statistics: 0 };
  for (const [index, { length, offset, section, wire }] of slices.entries()) {
    const sent = update.subarray(offset, offset + length);
    const values = section === "trainable" && factor !== 1 ? sent.map((x) => x * factor) : sent;
    const random = uniformSource(rounding, `slice ${index}`);
    const { clipped, words } = quantise(values, wire, cohort, 1, random);
    for (const count of clipped) cut[section] += count;
    frames.push(bytesOfWords(await masked(words, wire, index, stream)));
  }
  const wire = totalsSection(cohort);
  const totals = Float32Array.of(loss, agreement, cut.trainable, cut.statistics);
  const { words } = quantise(totals, wire, cohort, 1, uniformSource(rounding, "totals"));
  return {
    frames,
    hidden: {
      seed: await sealSeed(seed, round, sealer),
      totals: bytesToHex(bytesOfWords(await masked(words, wire, slices.length, stream))),
    },
  };
}

async function masked(
  words: Words,
  { bits }: WireSection,
  slice: number,
  stream: Keystream,
): Promise<Words> {
  subtractWords(words, await stream.words(pieceOf(slice, bits), bits, words.length));
  return words;
}

/** The masked totals of one participant as words. */
export function totalsWords({ totals }: HiddenUpdate): Words {
  return wordsOf(32, hexToBytes(totals) as Uint8Array<ArrayBuffer>);
}

/** Reads totals that were summed and unmasked. @throws ProtocolError `malformed-update` as `decodeSum`. */
export function readTotals(sum: Words, cohort: Cohort, participants: number): OpenedTotals {
  const section = totalsSection(cohort);
  const [loss, agreement, trainable, statistics] = decodeSum(sum, section, cohort, participants);
  return {
    participants,
    loss: Math.max(0, loss! / participants),
    agreement: Math.min(1, Math.max(0, agreement! / participants)),
    cut: { trainable: trainable!, statistics: statistics! },
  };
}
