import { x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "../../digest.ts";
import { keystream, type Keystream } from "../masks/keystream.ts";
import { unsafe } from "../private-round.ts";
import { addWords, subtractWords, zeroWords, type WordBits, type Words } from "../vector/words.ts";
import { pairSeed, selfSeed } from "./derived-keys.ts";
import type { Delivery, Revelation, SharedSecrets } from "./messages.ts";
import { keyBytes, keyText, type Session } from "./session.ts";
import { rebuildSecret, type Share } from "./shamir.ts";

/** What one participant is handed of what the others shared. */
export function deliveryFor(participant: string, shared: readonly SharedSecrets[]): Delivery {
  return shared.flatMap(({ boxes, participant: from }) =>
    boxes.filter(({ to }) => to === participant).map(({ box }) => ({ from, box })),
  );
}

/** What lies on the sum of the survivors' masked words. */
interface LeftOver {
  readonly stream: Keystream;
  readonly sign: 1 | -1;
}

/** Who came how far. */
export interface Survived {
  readonly session: Session;
  /** Of everybody who shared secrets and was delivered to the others. */
  readonly shared: readonly SharedSecrets[];
  /** Whose masked words arrived, as confirmed. */
  readonly survivors: readonly string[];
  readonly revelations: readonly Revelation[];
}

/**
 * The masks that are left on the sum: of survivors their own, of who is gone those that the survivors have
 * in common with them. Every secret that is rebuilt is compared with what its owner published (SPEC M7.7).
 *
 * @throws ProtocolError `unsafe-sum` where fewer than t revealed, or their shares do not fit: nothing is
 *   known then.
 */
export async function leftOver({
  revelations,
  session,
  shared,
  survivors,
}: Survived): Promise<LeftOver[]> {
  if (survivors.length < session.threshold) {
    throw unsafe(
      `${survivors.length} of ${session.roster.length} sent masked values, and it takes ${session.threshold}: they stay hidden`,
    );
  }
  const left: LeftOver[] = [];
  for (const { participant, selfDigest } of shared) {
    const entry = session.roster.find((one) => one.participant === participant)!;
    if (survivors.includes(participant)) {
      const secret = rebuild(session, sharesOf(session, revelations, participant, "self"), {
        fits: (candidate) => sha256(candidate) === selfDigest,
        what: `the secret of ${participant}'s own mask`,
      });
      left.push({ stream: await keystream(selfSeed(session, secret)), sign: 1 });
      continue;
    }
    const secret = rebuild(session, sharesOf(session, revelations, participant, "masking"), {
      fits: (candidate) => keyText(x25519.getPublicKey(candidate)) === entry.masking,
      what: `the masking key of ${participant}`,
    });
    for (const { masking, participant: other } of session.roster) {
      if (!survivors.includes(other)) continue;
      // As the survivor masked: added where it comes first.
      const sign = other < participant ? 1 : -1;
      left.push({ stream: await keystream(pairSeed(session, secret, masking)), sign });
    }
  }
  return left;
}

/** All that is left over, of one piece: what is subtracted from the sum of masked words. */
export async function leftOverWords(
  left: readonly LeftOver[],
  piece: number,
  bits: WordBits,
  count: number,
): Promise<Words> {
  const sum = zeroWords(bits, count);
  for (const { sign, stream } of left) {
    const apply = sign === 1 ? addWords : subtractWords;
    apply(sum, await stream.words(piece, bits, count));
  }
  return sum;
}

function sharesOf(
  { roster }: Session,
  revelations: readonly Revelation[],
  participant: string,
  kind: "self" | "masking",
): Share[] {
  return revelations.flatMap(({ participant: holder, shares }) => {
    const found = shares.find((share) => share.of === participant && share.kind === kind);
    const place = roster.findIndex((entry) => entry.participant === holder);
    return found === undefined || place === -1 ? [] : [{ x: place + 1, y: keyBytes(found.share) }];
  });
}

/** Tries runs of t shares, around the circle: one that lies spoils only those that it is in. */
function rebuild(
  { threshold }: Session,
  shares: readonly Share[],
  {
    fits,
    what,
  }: {
    readonly fits: (secret: Uint8Array<ArrayBuffer>) => boolean;
    readonly what: string;
  },
): Uint8Array<ArrayBuffer> {
  if (shares.length < threshold) {
    throw unsafe(
      `${shares.length} shares of ${what} were revealed, and it takes ${threshold}: the round's sum stays hidden`,
    );
  }
  const circle = [...shares, ...shares.slice(0, threshold - 1)];
  const tries = shares.length === threshold ? 1 : shares.length;
  for (let from = 0; from < tries; from++) {
    const secret = rebuildSecret(circle.slice(from, from + threshold));
    if (secret !== undefined && fits(secret)) return secret;
  }
  throw unsafe(
    `the shares that were revealed of ${what} do not give it: somebody revealed another share than it was given`,
  );
}
