import type { ModelSummary } from "../../protocol/round/access.ts";
import type { CampaignConfig } from "../../protocol/round/campaign-config.ts";
import type { CampaignReport } from "../../protocol/round/reports.ts";
import type { CampaignState } from "../../protocol/round/states.ts";
import type { MomentDigests, SliceShape } from "../slice/slice-work.ts";

/** What a campaign is made of; never changes (SPEC C1). */
export interface CampaignDefinition {
  readonly id: string;
  readonly createdAt: number;
  readonly config: CampaignConfig;
  readonly model: ModelSummary;
  readonly slices: readonly SliceShape[];
  readonly maskDigest: string;
  readonly reinitialised: CampaignReport["reinitialised"];
  /** Slices of student₀. */
  readonly initialStudent: readonly string[];
}

/** The campaign's own row. */
export interface CampaignRecord extends Omit<CampaignDefinition, "initialStudent"> {
  readonly state: CampaignState;
  readonly detail: string | null;
  /** Rounds committed so far: the index of the round at hand. */
  readonly committed: number;
  readonly voidsInRow: number;
  /** What was left of the deadline when the campaign was paused, ms. */
  readonly remainingMs: number | null;
  /** When leftover updates are to be deleted, ms since the epoch. */
  readonly sweepAt: number | null;
  readonly malformedEvents: number;
  readonly peakSliceBytes: number;
}

/** The student after `round` committed rounds; 0 is student₀. */
export interface StudentRecord {
  readonly round: number;
  readonly slices: readonly string[];
  /** The server optimiser's, by slice. */
  readonly moments: readonly MomentDigests[];
  /** Canonical JSON of the link that led here, and its digest (SPEC R9). */
  readonly link: string | null;
  readonly chain: string | null;
}

interface CampaignRow extends Record<string, SqlStorageValue> {
  id: string;
  created_at: number;
  state: CampaignState;
  detail: string | null;
  config: string;
  model: string;
  slices: string;
  mask_digest: string;
  reinitialised: string;
  committed: number;
  voids_in_row: number;
  remaining_ms: number | null;
  sweep_at: number | null;
  malformed_events: number;
  peak_slice_bytes: number;
}

interface StudentRow extends Record<string, SqlStorageValue> {
  round: number;
  slices: string;
  moments: string;
  link: string | null;
  chain: string | null;
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
} as const satisfies Partial<Record<keyof CampaignRecord, string>>;

/** Reads and writes the rows `campaign` and `students`. */
export class CampaignStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  create(definition: CampaignDefinition): void {
    this.#sql.exec(
      `INSERT INTO campaign (id, created_at, state, config, model, slices, mask_digest, reinitialised)
       VALUES (?, ?, 'ready', ?, ?, ?, ?, ?)`,
      definition.id,
      definition.createdAt,
      JSON.stringify(definition.config),
      JSON.stringify(definition.model),
      JSON.stringify(definition.slices),
      definition.maskDigest,
      JSON.stringify(definition.reinitialised),
    );
    this.addStudent({
      round: 0,
      slices: definition.initialStudent,
      moments: definition.slices.map(() => ({ first: null, second: null })),
      link: null,
      chain: null,
    });
  }

  read(): CampaignRecord {
    const row = this.#sql.exec<CampaignRow>("SELECT * FROM campaign").one();
    return {
      id: row.id,
      createdAt: row.created_at,
      state: row.state,
      detail: row.detail,
      config: JSON.parse(row.config) as CampaignConfig,
      model: JSON.parse(row.model) as ModelSummary,
      slices: JSON.parse(row.slices) as SliceShape[],
      maskDigest: row.mask_digest,
      reinitialised: JSON.parse(row.reinitialised) as CampaignReport["reinitialised"],
      committed: row.committed,
      voidsInRow: row.voids_in_row,
      remainingMs: row.remaining_ms,
      sweepAt: row.sweep_at,
      malformedEvents: row.malformed_events,
      peakSliceBytes: row.peak_slice_bytes,
    };
  }

  update(changes: Partial<Pick<CampaignRecord, keyof typeof CHANGEABLE>>): void {
    for (const [field, column] of Object.entries(CHANGEABLE)) {
      const value = changes[field as keyof typeof CHANGEABLE];
      if (value !== undefined) this.#sql.exec(`UPDATE campaign SET ${column} = ?`, value);
    }
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
  currentStudent(committed: number): StudentRecord {
    const student = this.student(committed);
    if (student === undefined) throw new Error(`the student of round ${committed} is not stored`);
    return student;
  }

  addStudent(student: StudentRecord): void {
    this.#sql.exec(
      "INSERT INTO students (round, slices, moments, link, chain) VALUES (?, ?, ?, ?, ?)",
      student.round,
      JSON.stringify(student.slices),
      JSON.stringify(student.moments),
      student.link,
      student.chain,
    );
  }
}
