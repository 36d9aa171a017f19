import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../../protocol/digest.ts";
import type { LocalTrainer, TrainerSource } from "../../../client/participant/local-trainer.ts";

type LocalResult = Awaited<ReturnType<LocalTrainer["train"]>>;
type LocalScores = Awaited<ReturnType<LocalTrainer["score"]>>;

/** What participants sent in a campaign in which nobody was hostile, by participant, round and student. */
export class Recording {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns undefined where nothing was kept for this student. */
  async update(key: string): Promise<LocalResult | undefined> {
    const rest = await this.#json<Omit<LocalResult, "update">>(`${key}.update.json`);
    if (rest === undefined) return undefined;
    const bytes = await readFile(join(this.#folder, `${key}.f32`));
    return { ...rest, update: new Float32Array(new Uint8Array(bytes).buffer) };
  }

  async keepUpdate(key: string, { update, ...rest }: LocalResult): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, `${key}.f32`), update);
    await writeFile(join(this.#folder, `${key}.update.json`), JSON.stringify(rest));
  }

  /** @returns undefined where nothing was kept, null where the participant could not score. */
  async scores(key: string): Promise<LocalScores | undefined> {
    return await this.#json<LocalScores>(`${key}.scores.json`);
  }

  async keepScores(key: string, scores: LocalScores): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    await writeFile(join(this.#folder, `${key}.scores.json`), JSON.stringify(scores));
  }

  async #json<T>(name: string): Promise<T | undefined> {
    let text: string;
    try {
      text = await readFile(join(this.#folder, name), "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
    return JSON.parse(text) as T;
  }
}

export interface RecordedOptions {
  readonly recording: Recording;
  readonly seat: number;
  /** `record` keeps what is done, `replay` does again only what was not kept. */
  readonly mode: "record" | "replay";
  /** Rounds in which what was kept is sent again. */
  readonly replays: (round: number) => boolean;
}

/**
 * A participant's training that keeps its updates and scores, or sends those that were kept for the same
 * student. What was not kept is done by the training itself: it begins with a velocity of zero then, as
 * after a missed round (SPEC D3).
 */
export function recordedTraining(
  training: TrainerSource,
  { mode, recording, replays, seat }: RecordedOptions,
): TrainerSource {
  const keyOf = (round: number, student: Float32Array, what: string): string =>
    `${seat}-${round}-${what}-${sha256(new Uint8Array(student.buffer, student.byteOffset, student.byteLength))}`;
  return {
    device: training.device,
    prepare: async (shape) => await training.prepare?.(shape),
    async open(campaign) {
      const trainer = await training.open(campaign);
      return {
        measure: (hooks) => trainer.measure(hooks),
        measureFit: (work) => trainer.measureFit(work),
        screenImages: (work) => trainer.screenImages(work),
        seekWeaknesses: (work) => trainer.seekWeaknesses(work),
        async score(work) {
          const { isJudging, round, student } = work;
          const key = keyOf(round, student, isJudging ? "judge" : "watch");
          if (mode === "replay" && replays(round)) {
            const kept = await recording.scores(key);
            if (kept !== undefined) return kept;
          }
          const scores = await trainer.score(work);
          if (mode === "record") await recording.keepScores(key, scores);
          return scores;
        },
        compare: (work) => trainer.compare(work),
        measureStatistics: (work) => trainer.measureStatistics(work),
        async train(work) {
          const key = keyOf(work.round, work.student, "train");
          if (mode === "replay" && replays(work.round)) {
            const kept = await recording.update(key);
            if (kept !== undefined) return kept;
          }
          const result = await trainer.train(work);
          if (mode === "record") await recording.keepUpdate(key, result);
          return result;
        },
        examine: (student) => trainer.examine(student),
        close: () => trainer.close(),
      };
    },
  };
}
