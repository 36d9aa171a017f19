import { DurableObject } from "cloudflare:workers";
import {
  admitSet,
  type HelperRecords,
  type OpenedSet,
} from "../../protocol/privacy/two-operators/helper.ts";
import { outcomeOf, type Outcome } from "../outcome.ts";

interface SetRow extends Record<string, SqlStorageValue> {
  readonly campaign: string;
  readonly round: number;
  readonly party: number;
  readonly student: string;
  readonly digest: string;
  readonly devices: string;
}

/**
 * The sets that a helper answered for, all of them in one object, for good: what is forgotten could be
 * opened twice (SPEC M6.5).
 */
export class RecordBook extends DurableObject<unknown> {
  constructor(context: DurableObjectState, environment: unknown) {
    super(context, environment);
    context.storage.sql.exec(`
      CREATE TABLE IF NOT EXISTS sets (
        campaign TEXT NOT NULL, round INTEGER NOT NULL, party INTEGER NOT NULL,
        student TEXT NOT NULL, digest TEXT NOT NULL, devices TEXT NOT NULL,
        PRIMARY KEY (campaign, round, party)) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS members (
        student TEXT NOT NULL, device TEXT NOT NULL,
        campaign TEXT NOT NULL, round INTEGER NOT NULL, party INTEGER NOT NULL,
        PRIMARY KEY (student, device)) STRICT, WITHOUT ROWID`);
  }

  /** Whether a set may be answered for; from then on no other may that it rules out. */
  admit(opened: OpenedSet): Promise<Outcome<void>> {
    const { sql } = this.ctx.storage;
    return outcomeOf(() =>
      this.ctx.storage.transactionSync(() => admitSet(opened, recordsIn(sql))),
    );
  }
}

function recordsIn(sql: SqlStorage): HelperRecords {
  const find = (where: string, ...values: (string | number)[]): OpenedSet | undefined => {
    const [row] = sql.exec<SetRow>(`SELECT sets.* FROM sets ${where}`, ...values).toArray();
    if (row === undefined) return undefined;
    const { campaign, devices, digest, party, round, student } = row;
    return {
      campaign,
      round,
      group: party,
      student,
      set: digest as OpenedSet["set"],
      devices: JSON.parse(devices) as string[],
    };
  };
  return {
    ofGroup: ({ campaign, group, round }) =>
      find("WHERE campaign = ? AND round = ? AND party = ?", campaign, round, group),
    ofDevice: (student, device) =>
      find(
        "JOIN members USING (campaign, round, party) WHERE members.student = ? AND device = ?",
        student,
        device,
      ),
    add({ campaign, devices, group, round, set, student }) {
      sql.exec(
        "INSERT INTO sets (campaign, round, party, student, digest, devices) VALUES (?, ?, ?, ?, ?, ?)",
        campaign,
        round,
        group,
        student,
        set,
        JSON.stringify(devices),
      );
      for (const device of devices) {
        sql.exec(
          "INSERT INTO members (student, device, campaign, round, party) VALUES (?, ?, ?, ?, ?)",
          student,
          device,
          campaign,
          round,
          group,
        );
      }
    },
  };
}
