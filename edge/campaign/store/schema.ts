import { ProtocolError } from "../../../protocol/errors.ts";

/**
 * Tables of a campaign's control object. Each entry runs once, in order; what has run is counted in
 * `migrations`, since `PRAGMA user_version` is not at hand. Never change an entry: add one.
 */
const MIGRATIONS = [
  `
  CREATE TABLE campaign (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    detail TEXT,
    config TEXT NOT NULL,
    model TEXT NOT NULL,
    slices TEXT NOT NULL,
    mask_digest TEXT NOT NULL,
    reinitialised TEXT NOT NULL,
    committed INTEGER NOT NULL DEFAULT 0,
    voids_in_row INTEGER NOT NULL DEFAULT 0,
    remaining_ms INTEGER,
    sweep_at INTEGER,
    malformed_events INTEGER NOT NULL DEFAULT 0,
    peak_slice_bytes INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  CREATE TABLE students (
    round INTEGER PRIMARY KEY,
    slices TEXT NOT NULL,
    moments TEXT NOT NULL,
    link TEXT,
    chain TEXT
  ) STRICT;

  CREATE TABLE attempts (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    state TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    deadline INTEGER,
    ended_at INTEGER,
    detail TEXT,
    update_norm REAL,
    uploaded_bytes INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER,
    PRIMARY KEY (round, attempt)
  ) STRICT;

  CREATE TABLE leases (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    participant TEXT NOT NULL,
    assigned_at INTEGER NOT NULL,
    PRIMARY KEY (round, attempt, participant)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE uploads (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    participant TEXT NOT NULL,
    slice INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    digest TEXT,
    PRIMARY KEY (round, attempt, participant, slice)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE commits (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    participant TEXT NOT NULL,
    request TEXT NOT NULL,
    reply TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    slices TEXT NOT NULL,
    examples INTEGER NOT NULL,
    weight REAL NOT NULL,
    loss REAL NOT NULL,
    agreement REAL NOT NULL,
    committed_at INTEGER NOT NULL,
    PRIMARY KEY (round, attempt, participant)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE slice_results (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    pass TEXT NOT NULL,
    slice INTEGER NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (round, attempt, pass, slice)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE invites (
    id TEXT PRIMARY KEY,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0,
    organisation TEXT
  ) STRICT;

  CREATE TABLE participants (
    id TEXT PRIMARY KEY,
    invite TEXT NOT NULL,
    enrol_key TEXT,
    label TEXT,
    organisation TEXT,
    backend TEXT,
    revoked INTEGER NOT NULL DEFAULT 0,
    enrolled_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    uploaded_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (invite, enrol_key)
  ) STRICT;
  `,
  // An assignment made before has the campaign's own number of steps.
  `
  ALTER TABLE leases ADD COLUMN local_steps INTEGER;
  ALTER TABLE participants ADD COLUMN images_per_second REAL;
  `,
  // Campaigns made before have one start; their configuration, without judging rounds, stays as it is.
  `
  CREATE TABLE starts (
    candidate INTEGER PRIMARY KEY,
    strength REAL NOT NULL,
    mask_digest TEXT NOT NULL,
    reinitialised TEXT NOT NULL,
    slices TEXT NOT NULL
  ) STRICT;
  INSERT INTO starts
    SELECT 0, json_extract(config, '$.reinit.strength'), mask_digest, reinitialised,
           (SELECT slices FROM students WHERE round = 0)
    FROM campaign;
  ALTER TABLE campaign DROP COLUMN mask_digest;
  ALTER TABLE campaign DROP COLUMN reinitialised;
  ALTER TABLE campaign ADD COLUMN decisions TEXT;
  ALTER TABLE commits ADD COLUMN scores TEXT;
  ALTER TABLE attempts ADD COLUMN scores TEXT;
  `,
  `
  ALTER TABLE campaign ADD COLUMN statistics TEXT;
  `,
  // Configurations stored before have none.
  `
  ALTER TABLE campaign ADD COLUMN config_version INTEGER;
  `,
  // How large an update is, as JSON; none of rounds that were combined before it was measured.
  `
  ALTER TABLE commits ADD COLUMN size TEXT;
  CREATE TABLE refusals (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    participant TEXT NOT NULL,
    found TEXT NOT NULL,
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (round, attempt, participant)
  ) STRICT, WITHOUT ROWID;
  `,
  // What participants found of the teacher on their pictures; none of those who came before.
  `
  ALTER TABLE participants ADD COLUMN fit TEXT;
  ALTER TABLE campaign ADD COLUMN stopped_for_fit INTEGER NOT NULL DEFAULT 0;
  `,
  // Invites made before were one participant a use, and their participants have no key.
  `
  CREATE TABLE blobs (digest TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  INSERT OR IGNORE INTO blobs
    SELECT json_extract(model, '$.digest') FROM campaign
    UNION SELECT statistics FROM campaign WHERE statistics IS NOT NULL
    UNION SELECT mask_digest FROM starts
    UNION SELECT value FROM starts, json_each(starts.slices)
    UNION SELECT value FROM students, json_each(students.slices);
  ALTER TABLE invites ADD COLUMN places INTEGER NOT NULL DEFAULT 1;
  UPDATE invites SET places = uses;
  ALTER TABLE participants ADD COLUMN public_key TEXT;
  ALTER TABLE participants ADD COLUMN renewed_at INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE commits ADD COLUMN signature TEXT;
  ALTER TABLE uploads ADD COLUMN replaced TEXT;
  ALTER TABLE campaign ADD COLUMN ended_at INTEGER;
  UPDATE campaign SET ended_at = coalesce((SELECT max(ended_at) FROM attempts), created_at)
    WHERE state IN ('finished', 'aborted');
  `,
  // Of what earlier versions linked, committed rounds alone are in the chain.
  `
  CREATE TABLE links (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    round INTEGER,
    attempt INTEGER,
    participant TEXT,
    link TEXT NOT NULL,
    chain TEXT NOT NULL
  ) STRICT;
  INSERT INTO links
    SELECT round - 1, 'committed', round - 1, json_extract(link, '$.attempt'), NULL, link, chain
    FROM students WHERE link IS NOT NULL;
  ALTER TABLE students DROP COLUMN link;
  ALTER TABLE students DROP COLUMN chain;
  `,
  // Reports look links up by their attempts, all of them at once.
  `
  CREATE INDEX links_of_attempts ON links (round, attempt);
  `,
  // What rounds came to was not tried before.
  `
  CREATE TABLE trials (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    parties TEXT NOT NULL,
    left_out TEXT NOT NULL,
    student TEXT,
    is_over INTEGER NOT NULL DEFAULT 0,
    tally TEXT,
    chosen TEXT,
    PRIMARY KEY (round, attempt, candidate)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE votes (
    round INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    candidate INTEGER NOT NULL,
    participant TEXT NOT NULL,
    request TEXT NOT NULL,
    signature TEXT,
    PRIMARY KEY (round, attempt, candidate, participant)
  ) STRICT, WITHOUT ROWID;
  `,
  // Nobody went back to an earlier student before, but where the campaign decided it.
  `
  CREATE TABLE rollbacks (
    round INTEGER PRIMARY KEY,
    student INTEGER NOT NULL
  ) STRICT;
  `,
  // No round was private before.
  "ALTER TABLE attempts ADD COLUMN opened TEXT;",
  // Of attempts with sealed seeds from before it is what the configuration is told as now.
  "ALTER TABLE attempts ADD COLUMN sealed_under TEXT;",
] as const;

/** Whether this object was ever made into a campaign. */
export function hasSchema(sql: SqlStorage): boolean {
  const found = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'migrations'");
  return found.toArray().length > 0;
}

/**
 * Brings the tables up to date. Runs within one transaction of the caller's.
 *
 * @throws ProtocolError `stored-by-later-version` when a later version changed them already.
 */
export function migrate(sql: SqlStorage): void {
  sql.exec("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) STRICT");
  const done = sql.exec<{ n: number }>("SELECT count(*) AS n FROM migrations").one().n;
  if (done > MIGRATIONS.length) {
    throw new ProtocolError(
      "stored-by-later-version",
      `this campaign's tables have version ${done}, this coordinator knows ${MIGRATIONS.length} at most: ` +
        "start the version of Scour that last ran it, or a later one",
    );
  }
  for (const [version, statements] of MIGRATIONS.entries()) {
    if (version < done) continue;
    sql.exec(statements);
    sql.exec("INSERT INTO migrations (version) VALUES (?)", version);
  }
}
