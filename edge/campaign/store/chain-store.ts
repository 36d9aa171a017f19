import { canonicalJson } from "../../../protocol/canonical-json.ts";
import type { AttemptId } from "../../blobs/update-objects.ts";
import { chainDigest, type ChainLink, type CommittedLink, type NewLink } from "../chain/link.ts";

/** A link, and the chain's value after it. */
export interface Chained<Link = ChainLink> {
  readonly chain: string;
  readonly link: Link;
}

/** What a link is about, as far as it is looked for by that. */
interface Subject extends Partial<AttemptId> {
  readonly participant?: string;
}

interface LinkRow extends Record<string, SqlStorageValue> {
  link: string;
  chain: string;
}

/** Nothing is left out or refused, whatever version wrote it: its value is a digest of all of it. */
function asWritten<Link extends ChainLink>({ chain, link }: LinkRow): Chained<Link> {
  return { chain, link: JSON.parse(link) as Link };
}

/** Reads and writes the commit chain; nothing in it is ever changed (SPEC R9). */
export class ChainStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @param link whose `previous` is `value()` */
  append(link: NewLink): void {
    const { round, attempt, participant }: Subject = link;
    this.#sql.exec(
      "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?)",
      this.length(),
      link.kind,
      round ?? null,
      attempt ?? null,
      participant ?? null,
      canonicalJson(link),
      chainDigest(link),
    );
  }

  /** How many links there are. */
  length(): number {
    const after = "SELECT coalesce(max(position) + 1, 0) AS n FROM links";
    return this.#sql.exec<{ n: number }>(after).one().n;
  }

  /** The chain's value after its last link; null before the first. */
  value(): string | null {
    const last = "SELECT chain FROM links ORDER BY position DESC LIMIT 1";
    return this.#sql.exec<{ chain: string }>(last).toArray()[0]?.chain ?? null;
  }

  at(position: number): Chained | undefined {
    const row = this.#find("position = ?", position);
    return row && asWritten(row);
  }

  /** The link of a committed round. */
  ofRound(round: number): Chained<CommittedLink> | undefined {
    const row = this.#find("kind = 'committed' AND round = ?", round);
    return row && asWritten(row);
  }

  /** The chain's value after an attempt's end; undefined where an earlier version left no link. */
  valueAfter({ round, attempt }: AttemptId): string | undefined {
    const where = "kind IN ('committed', 'void') AND round = ? AND attempt = ?";
    return this.#find(where, round, attempt)?.chain;
  }

  /** The same after a participant's commit to an attempt was rejected. */
  valueAfterRejection({ round, attempt }: AttemptId, participant: string): string | undefined {
    const where = "kind = 'rejection' AND round = ? AND attempt = ? AND participant = ?";
    return this.#find(where, round, attempt, participant)?.chain;
  }

  #find(where: string, ...values: readonly (string | number)[]): LinkRow | undefined {
    return this.#sql
      .exec<LinkRow>(`SELECT link, chain FROM links WHERE ${where} LIMIT 1`, ...values)
      .toArray()[0];
  }
}
