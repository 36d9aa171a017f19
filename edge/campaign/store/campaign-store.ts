import type { ModelSummary } from "../../../protocol/round/access.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { NOTHING_DECIDED, type Decisions } from "../../../protocol/round/decisions.ts";
import type { StartReport } from "../../../protocol/round/reports.ts";
import { isEnded, type CampaignState } from "../../../protocol/round/states.ts";
import type { Course } from "../../../protocol/round/timeline.ts";
import type { MomentDigests, SliceShape } from "../../slice/slice-work.ts";
import { CONFIG_VERSION, readConfig } from "./stored-config.ts";

/** Mask and student₀ of one candidate. */
export interface StartRecord extends Omit<StartReport, "scores"> {
  /** Slices of student₀. */
  readonly initialStudent: readonly string[];
}

/** What a campaign is made of; never changes (SPEC C1). */
export interface CampaignDefinition {
  readonly id: string;
  readonly createdAt: number;
  readonly config: CampaignConfig;
  readonly model: ModelSummary;
  readonly slices: readonly SliceShape[];
  /** By candidate; none where a statistics round comes first. */
  readonly starts: readonly StartRecord[];
}

/** The campaign's own row. */
export interface CampaignRecord extends Omit<CampaignDefinition, "starts"> {
  /** The configuration as it was written when the campaign was made: what its digest is of. */
  readonly writtenConfig: unknown;
  readonly decisions: Decisions;
  /** Digest of the pooled statistics, once there are any. */
  readonly statistics: string | null;
  /** Which rounds it has, as far as that is decided. */
  readonly course: Course;
  readonly state: CampaignState;
  readonly detail: string | null;
  /** Rounds committed so far: the index of the round at hand. */
  readonly committed: number;
  readonly voidsInRow: number;
  /** What was left of the deadline when the campaign was paused, ms. */
  readonly remainingMs: number | null;
  /** When it ended, ms since the epoch; null while it has not. */
  readonly endedAt: number | null;
  /** When leftover updates are to be deleted, ms since the epoch. */
  readonly sweepAt: number | null;
  readonly malformedEvents: number;
  readonly peakSliceBytes: number;
  /** 1 once it paused itself because participants' pictures do not fit: it does so once (SPEC F3). */
  readonly stoppedForFit: number;
}

/** The student after `round` committed rounds; 0 is student₀. */
export interface StudentRecord {
  readonly round: number;
  readonly slices: readonly string[];
  /** The server optimiser's, by slice. */
  readonly moments: readonly MomentDigests[];
}

interface CampaignRow extends Record<string, SqlStorageValue> {
  id: string;
  created_at: number;
  state: CampaignState;
  detail: string | null;
  config: string;
  config_version: number | null;
  model: string;
  slices: string;
  decisions: string | null;
  statistics: string | null;
  committed: number;
  voids_in_row: number;
  remaining_ms: number | null;
  sweep_at: number | null;
  ended_at: number | null;
  malformed_events: number;
  peak_slice_bytes: number;
  stopped_for_fit: number;
}

interface StartRow extends Record<string, SqlStorageValue> {
  strength: number;
  mask_digest: string;
  reinitialised: string;
  slices: string;
}

interface StudentRow extends Record<string, SqlStorageValue> {
  round: number;
  slices: string;
  moments: string;
}

const CHANGEABLE = {
  state: "state",
  detail: "detail",
  committed: "committed",
  voidsInRow: "voids_in_row",
  remainingMs: "remaining_ms",
  sweepAt: "sweep_at",
  malformedEvents: "malformed_events",
  peakSliceBytes: "peak_slice_bytes",
  stoppedForFit: "stopped_for_fit",
} as const satisfies Partial<Record<keyof CampaignRecord, string>>;

/** What a server optimiser starts from. */
export function noMoments(slices: readonly SliceShape[]): MomentDigests[] {
  return slices.map(() => ({ first: null, second: null }));
}

function courseOf({ choice, alarm, stopped }: Decisions, unjudged: boolean): Course {
  const fallBack = alarm?.fellBackTo == null ? undefined : alarm;
  const last = fallBack ?? stopped ?? undefined;
  return {
    unjudged,
    chosen: choice?.candidate,
    judgedEarly: last && last.round + 1,
  };
}

/** Reads and writes the rows `campaign`, `starts` and `students`. */
export class CampaignStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  create(definition: CampaignDefinition): void {
    this.#sql.exec(
      `INSERT INTO campaign (id, created_at, state, config, config_version, model, slices)
       VALUES (?, ?, 'ready', ?, ?, ?, ?)`,
      definition.id,
      definition.createdAt,
      JSON.stringify(definition.config),
      CONFIG_VERSION,
      JSON.stringify(definition.model),
      JSON.stringify(definition.slices),
    );
    this.#addBlobs([definition.model.digest]);
    const [first] = definition.starts;
    if (first === undefined) return;
    this.#addStarts(definition.starts);
    this.addStudent({
      round: 0,
      slices: first.initialStudent,
      moments: noMoments(definition.slices),
    });
  }

  /** Keeps what a statistics round came to. */
  measured(statistics: string, starts: readonly StartRecord[]): void {
    this.#sql.exec("UPDATE campaign SET statistics = ?", statistics);
    this.#addBlobs([statistics]);
    this.#addStarts(starts);
  }

  #addStarts(starts: readonly StartRecord[]): void {
    for (const [candidate, start] of starts.entries()) {
      this.#sql.exec(
        "INSERT INTO starts VALUES (?, ?, ?, ?, ?)",
        candidate,
        start.strength,
        start.maskDigest,
        JSON.stringify(start.reinitialised),
        JSON.stringify(start.initialStudent),
      );
      this.#addBlobs([start.maskDigest, ...start.initialStudent]);
    }
  }

  /** @throws ProtocolError `stored-by-later-version` when its configuration is not known here. */
  read(): CampaignRecord {
    const row = this.#sql.exec<CampaignRow>("SELECT * FROM campaign").one();
    const writtenConfig: unknown = JSON.parse(row.config);
    const { config, unjudged } = readConfig(writtenConfig, row.config_version);
    const decisions =
      row.decisions === null ? NOTHING_DECIDED : (JSON.parse(row.decisions) as Decisions);
    return {
      id: row.id,
      createdAt: row.created_at,
      state: row.state,
      detail: row.detail,
      config,
      writtenConfig,
      decisions,
      statistics: row.statistics,
      course: courseOf(decisions, unjudged),
      model: JSON.parse(row.model) as ModelSummary,
      slices: JSON.parse(row.slices) as SliceShape[],
      committed: row.committed,
      voidsInRow: row.voids_in_row,
      remainingMs: row.remaining_ms,
      sweepAt: row.sweep_at,
      endedAt: row.ended_at,
      malformedEvents: row.malformed_events,
      peakSliceBytes: row.peak_slice_bytes,
      stoppedForFit: row.stopped_for_fit,
    };
  }

  update(changes: Partial<Pick<CampaignRecord, keyof typeof CHANGEABLE>>): void {
    for (const [field, column] of Object.entries(CHANGEABLE)) {
      const value = changes[field as keyof typeof CHANGEABLE];
      if (value !== undefined) this.#sql.exec(`UPDATE campaign SET ${column} = ?`, value);
    }
    if (changes.state === undefined || !isEnded(changes.state)) return;
    this.#sql.exec("UPDATE campaign SET ended_at = ? WHERE ended_at IS NULL", Date.now());
  }

  decide(decisions: Decisions): void {
    this.#sql.exec("UPDATE campaign SET decisions = ?", JSON.stringify(decisions));
  }

  /** By candidate. */
  starts(): StartRecord[] {
    return this.#sql
      .exec<StartRow>("SELECT * FROM starts ORDER BY candidate")
      .toArray()
      .map((row) => ({
        strength: row.strength,
        maskDigest: row.mask_digest,
        reinitialised: JSON.parse(row.reinitialised) as StartRecord["reinitialised"],
        initialStudent: JSON.parse(row.slices) as string[],
      }));
  }

  student(round: number): StudentRecord | undefined {
    const [row] = this.#sql
      .exec<StudentRow>("SELECT * FROM students WHERE round = ?", round)
      .toArray();
    if (row === undefined) return undefined;
    return {
      ...row,
      slices: JSON.parse(row.slices) as string[],
      moments: JSON.parse(row.moments) as MomentDigests[],
    };
  }

  /** The student of `committed` rounds, which is always there. */
  committedStudent(committed: number): StudentRecord {
    const student = this.student(committed);
    if (student === undefined) throw new Error(`the student of round ${committed} is not stored`);
    return student;
  }

  addStudent(student: StudentRecord): void {
    this.#sql.exec(
      "INSERT INTO students (round, slices, moments) VALUES (?, ?, ?)",
      student.round,
      JSON.stringify(student.slices),
      JSON.stringify(student.moments),
    );
    this.#addBlobs(student.slices);
  }

  /** A round is to begin with the student of so many committed rounds instead of the latest. */
  rollBack(round: number, student: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO rollbacks VALUES (?, ?)", round, student);
  }

  /** Rounds committed when the student came out that a round begins with, where that is not the latest. */
  rolledBackTo(round: number): number | undefined {
    const [row] = this.#sql
      .exec<{ student: number }>("SELECT student FROM rollbacks WHERE round = ?", round)
      .toArray();
    return row?.student;
  }

  /** Slices of a student that is only tried: voters may read them. */
  addCandidate(slices: readonly string[]): void {
    this.#addBlobs(slices);
  }

  /** Whether a blob is this campaign's to hand out: teacher, masks, students, statistics (SPEC A5). */
  hasBlob(digest: string): boolean {
    return this.#sql.exec("SELECT 1 FROM blobs WHERE digest = ?", digest).toArray().length > 0;
  }

  #addBlobs(digests: readonly string[]): void {
    for (const digest of digests) {
      this.#sql.exec("INSERT OR IGNORE INTO blobs VALUES (?)", digest);
    }
  }
}
