import { x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "../../digest.ts";
import { isSignedBy, type Sign } from "../identities/signatures.ts";
import type { VouchedDevice } from "../identities/organisation.ts";
import { keystream } from "../masks/keystream.ts";
import { requireCrowd, unsafe, type PrivateRound } from "../private-round.ts";
import { addWords, subtractWords, type WordBits, type Words } from "../vector/words.ts";
import { openShares, pairSeed, sealShares, selfSeed, type SharePair } from "./derived-keys.ts";
import type { Confirmation, Delivery, Revelation, SharedSecrets } from "./messages.ts";
import {
  advertisementBytes,
  keyBytes,
  keyText,
  requireSession,
  sessionOf,
  survivorsBytes,
  type Advertisement,
  type Session,
} from "./session.ts";
import { SECRET_BYTES, shareSecret } from "./shamir.ts";

/** Who takes part, and with what. */
export interface Self extends VouchedDevice {
  readonly participant: string;
  readonly sign: Sign;
  /** Of a generator for keys. */
  readonly randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
}

/** A piece of the vector, whose words are masked in place. */
export interface Piece {
  readonly index: number;
  readonly bits: WordBits;
  readonly words: Words;
}

interface Advertised {
  readonly stage: "advertised";
  readonly round: PrivateRound;
  readonly encryptionSecret: Uint8Array;
  readonly maskingSecret: Uint8Array;
  readonly own: Advertisement;
}

interface Shared extends Omit<Advertised, "stage"> {
  readonly stage: "shared";
  readonly session: Session;
  readonly secret: Uint8Array;
  /** Its own shares of its own secrets. */
  readonly kept: SharePair;
}

interface Masked extends Omit<Shared, "stage"> {
  readonly stage: "masked";
  /** Shares of everybody who shared, its own too, by participant. */
  readonly shares: ReadonlyMap<string, SharePair>;
}

interface Confirmed extends Omit<Masked, "stage"> {
  readonly stage: "confirmed";
  readonly survivors: readonly string[];
}

/** Where one participant stands in one session. */
type Standing =
  | Advertised
  | Shared
  | Masked
  | Confirmed
  /** It has said all that it ever says in this session, or refused to go on. */
  | { readonly stage: "over" };

/**
 * One participant of one session of secure aggregation (Bonawitz et al., CCS 2017, with the consistency
 * round against active servers). Each step is taken once, in order; after a refusal none is. What it says
 * is never enough to take more than sums apart: of everybody else it gives away a share of the mask's
 * secret or of the masking key, never both (SPEC M7).
 *
 * @example
 * const one = await MaskingParticipant.advertise(round, self);
 * const shared = await one.share(roster); // then mask(), confirm(), reveal()
 */
export class MaskingParticipant {
  readonly #self: Self;
  #standing: Standing;

  private constructor(self: Self, standing: Standing) {
    this.#self = self;
    this.#standing = standing;
  }

  /** Makes keys for this session alone, signed by the device. */
  static async advertise(round: PrivateRound, self: Self): Promise<MaskingParticipant> {
    const encryptionSecret = self.randomBytes(SECRET_BYTES);
    const maskingSecret = self.randomBytes(SECRET_BYTES);
    const { device, organisation, participant, sign, vouch } = self;
    const keys = {
      participant,
      device,
      organisation,
      vouch,
      encryption: keyText(x25519.getPublicKey(encryptionSecret)),
      masking: keyText(x25519.getPublicKey(maskingSecret)),
    };
    const own = { ...keys, signature: await sign(advertisementBytes(round, keys)) };
    const standing = { stage: "advertised", round, encryptionSecret, maskingSecret, own } as const;
    return new MaskingParticipant(self, standing);
  }

  /** What the others are to have of it. */
  get advertisement(): Advertisement {
    return this.#at("advertised").own;
  }

  /**
   * Shares its secrets among the roster.
   *
   * @throws ProtocolError `unsafe-sum` for a roster that it should not mask with.
   */
  share(roster: readonly Advertisement[]): Promise<SharedSecrets> {
    return this.#step("advertised", async (standing) => {
      const session = sessionOf(standing.round, roster);
      await requireSession(session);
      const { encryptionSecret, maskingSecret, own } = standing;
      const place = session.roster.findIndex((entry) => entry.participant === own.participant);
      if (place === -1 || session.roster[place]!.signature !== own.signature) {
        throw unsafe("the roster has other keys of this participant than its own, or none");
      }
      const { randomBytes } = this.#self;
      const secret = randomBytes(SECRET_BYTES);
      const terms = { threshold: session.threshold, holders: session.roster.length };
      const selfShares = shareSecret(secret, terms, randomBytes);
      const maskingShares = shareSecret(maskingSecret, terms, randomBytes);
      const pairs = selfShares.map(({ y }, i) => ({ self: y, masking: maskingShares[i]!.y }));
      const boxes = session.roster.flatMap(({ encryption: other, participant: to }, i) => {
        if (i === place) return [];
        const from = own.participant;
        const channel = { session, from, to, ownSecret: encryptionSecret, other };
        return [{ to, box: keyText(sealShares(pairs[i]!, channel)) }];
      });
      const next = { ...standing, stage: "shared", session, secret, kept: pairs[place]! } as const;
      return [next, { participant: own.participant, selfDigest: sha256(secret), boxes }];
    });
  }

  /**
   * Masks its words in place, against everybody who shared secrets.
   *
   * @throws ProtocolError `unsafe-sum` where too few did, or a box does not open.
   */
  mask(delivery: Delivery, pieces: readonly Piece[]): Promise<void> {
    return this.#step("shared", async (standing) => {
      const { encryptionSecret, kept, maskingSecret, own, secret, session } = standing;
      const shares = new Map([[own.participant, kept]]);
      for (const { box, from } of delivery) {
        const entry = session.roster.find(({ participant }) => participant === from);
        if (entry === undefined || shares.has(from)) {
          throw unsafe(`shares of ${from} came twice, or from outside the roster`);
        }
        const channel = {
          session,
          from,
          to: own.participant,
          ownSecret: encryptionSecret,
          other: entry.encryption,
        };
        const opened = openShares(keyBytes(box), channel);
        if (opened === undefined) throw unsafe(`the shares of ${from} do not open`);
        shares.set(from, opened);
      }
      if (shares.size < session.threshold) {
        throw unsafe(
          `${shares.size} shared their secrets, and fewer than ${session.threshold} could not take masks off`,
        );
      }
      await maskPieces(pieces, selfSeed(session, secret), addWords);
      for (const { masking, participant: other } of session.roster) {
        if (other === own.participant || !shares.has(other)) continue;
        const apply = own.participant < other ? addWords : subtractWords;
        await maskPieces(pieces, pairSeed(session, maskingSecret, masking), apply);
      }
      return [{ ...standing, stage: "masked", shares } as const, undefined];
    });
  }

  /**
   * Signs the one set of those whose masked values arrived.
   *
   * @throws ProtocolError `unsafe-sum` for a set that is too small, or has who shared nothing.
   */
  confirm(survivors: readonly string[]): Promise<Confirmation> {
    return this.#step("masked", async (standing) => {
      const { own, session, shares } = standing;
      if (new Set(survivors).size !== survivors.length) throw unsafe("a survivor is named twice");
      if (survivors.some((one) => !shares.has(one))) {
        throw unsafe("a survivor is named that shared no secrets");
      }
      if (survivors.length < session.threshold) {
        throw unsafe(
          `${survivors.length} survivors are fewer than the ${session.threshold} of ${session.roster.length} that it takes`,
        );
      }
      const among = session.roster.filter(({ participant }) => survivors.includes(participant));
      requireCrowd(session.round, among, "the survivors' set");
      const signature = await this.#self.sign(survivorsBytes(session, survivors));
      const next = { ...standing, stage: "confirmed", survivors } as const;
      return [next, { participant: own.participant, signature }];
    });
  }

  /**
   * Gives its shares away: of survivors those of their own masks, of who shared and was gone those of the
   * masking keys.
   *
   * @throws ProtocolError `unsafe-sum` where fewer than t survivors signed the set that it signed.
   */
  reveal(confirmations: readonly Confirmation[]): Promise<Revelation> {
    return this.#step("confirmed", async (standing) => {
      const { own, session, shares, survivors } = standing;
      const signers = new Set<string>();
      for (const { participant, signature } of confirmations) {
        const entry = session.roster.find((one) => one.participant === participant);
        if (entry === undefined || !survivors.includes(participant)) continue;
        const bytes = survivorsBytes(session, survivors);
        if (await isSignedBy(entry.device, signature, bytes)) signers.add(participant);
      }
      if (signers.size < session.threshold) {
        throw unsafe(
          `${signers.size} survivors signed this set, fewer than ${session.threshold}: others may have been shown another`,
        );
      }
      const revealed = [...shares].map(([of, pair]) => {
        const kind = survivors.includes(of) ? ("self" as const) : ("masking" as const);
        return { of, kind, share: keyText(pair[kind]) };
      });
      return [{ stage: "over" }, { participant: own.participant, shares: revealed }];
    });
  }

  #at<Stage extends Standing["stage"]>(stage: Stage): Extract<Standing, { stage: Stage }> {
    if (this.#standing.stage !== stage) {
      throw unsafe(
        `this participant is not where that follows: '${this.#standing.stage}', not '${stage}'`,
      );
    }
    return this.#standing as Extract<Standing, { stage: Stage }>;
  }

  /** One step, taken once: while it is under way, and after a refusal, none other is. */
  async #step<Stage extends Standing["stage"], Said>(
    stage: Stage,
    take: (
      standing: Extract<Standing, { stage: Stage }>,
    ) => Promise<readonly [next: Standing, said: Said]>,
  ): Promise<Said> {
    const standing = this.#at(stage);
    this.#standing = { stage: "over" };
    const [next, said] = await take(standing);
    this.#standing = next;
    return said;
  }
}

async function maskPieces(
  pieces: readonly Piece[],
  seed: Uint8Array<ArrayBuffer>,
  apply: (words: Words, mask: Words) => void,
): Promise<void> {
  const stream = await keystream(seed);
  for (const { bits, index, words } of pieces) {
    apply(words, await stream.words(index, bits, words.length));
  }
}
