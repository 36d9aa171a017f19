import { sha256 } from "../../../protocol/digest.ts";
import { writeSafetensors } from "../../../protocol/formats/safetensors/writer.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { importModel } from "../../../protocol/formats/import-model.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { channelScores } from "../../../protocol/reinit/channel-scores.ts";
import { reinitMask } from "../../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../../protocol/reinit/reinitialise.ts";
import type { CampaignView } from "../../../protocol/round/access.ts";
import {
  campaignConfigSchema,
  type CampaignConfigInput,
} from "../../../protocol/round/campaign-config.ts";
import { measuredImages } from "../../../protocol/round/statistics-round.ts";
import { candidatesOf, placeOf, roundCount, type Place } from "../../../protocol/round/timeline.ts";

export const CAMPAIGN = `c-${"a".repeat(20)}`;

/** A narrow ResNet-18 whose values are small and all different. */
function teacherFile(): Uint8Array<ArrayBuffer> {
  const { parameters } = resnet18({ width: 2, classes: 3 });
  return writeSafetensors(
    parameters.map(({ name, shape }, tensor) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const values = Float32Array.from({ length: size }, (_, i) => (tensor + 1) / 100 + i / 1e5);
      return { name, shape, dtype: "F32" as const, values };
    }),
  );
}

const TEACHER_FILE = teacherFile();
const TEACHER = await importModel(TEACHER_FILE);

/** A campaign in memory with one participant: what rounds begin with, and what becomes of its updates. */
export class FakeCampaign {
  view: CampaignView;
  readonly blobs = new Map<string, Uint8Array<ArrayBuffer>>();
  round = 0;
  attempt = 0;
  /** The candidate that probes decide for. */
  chosen = 0;
  /** Digests of the slices that rounds begin with. */
  student: string[];
  protected readonly layout: StateLayout;
  readonly #startsFrom: (pooled?: Float32Array) => CampaignView["starts"];

  constructor(config: Partial<CampaignConfigInput> = {}) {
    const { graph, layout, state } = TEACHER;
    this.layout = layout;
    const digest = sha256(TEACHER_FILE);
    const seed = "5c".repeat(32);
    const full = campaignConfigSchema.parse({
      name: "test",
      model: digest,
      preprocessing: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
      distillation: { rounds: 3, localSteps: 4, batchSize: 2 },
      codec: "f32",
      ...config,
      reinit: { ...config.reinit, seed },
    });
    this.blobs.set(digest, TEACHER_FILE);
    this.#startsFrom = (pooled) => {
      const { strategy } = full.reinit;
      const scores = channelScores(strategy, graph, layout, state, pooled);
      return candidatesOf(full).map(({ strength }) => {
        const plan = reinitPlan(graph, strategy, strength, scores);
        const student = reinitialise(state, layout, plan, parseSeed(seed));
        return {
          strength,
          maskDigest: sha256(reinitMask(layout, plan, parseSeed(seed))),
          initialStudent: this.store(student),
        };
      });
    };
    const starts = measuredImages(full) === 0 ? this.#startsFrom() : [];
    this.student = starts[0]?.initialStudent ?? [];
    this.view = {
      id: CAMPAIGN,
      state: "running",
      config: full,
      model: {
        digest,
        bytes: TEACHER_FILE.length,
        architecture: graph.architecture,
        classes: graph.classes,
        inputShape: graph.inputShape,
        trainableLength: layout.trainableLength,
        length: layout.length,
      },
      sliceLengths: layout.slices.map(({ length }) => length),
      statistics: null,
      starts,
    };
  }

  /** What the round is, as the coordinator counts. */
  get place(): Place {
    return placeOf(this.view.config, this.round, { chosen: this.chosen });
  }

  get sliceCount(): number {
    return this.layout.slices.length;
  }

  /** From now on rounds begin with a student all of whose values are this. */
  breakStudent(value: number): void {
    this.student = this.store(new Float32Array(this.layout.length).fill(value));
  }

  /** Opens the next attempt of the same round, or the next round. */
  move(to: { round?: number; attempt?: number }): void {
    this.round = to.round ?? this.round;
    this.attempt = to.attempt ?? 0;
  }

  /** Ends the statistics round with what other participants sent. */
  measuredByOthers(): void {
    const { length, trainableLength } = this.layout;
    this.pool(Float32Array.from({ length: length - trainableLength }, (_, i) => i / 50));
  }

  /** What one participant measured is what all did. */
  protected pool(statistics: Float32Array): void {
    const bytes = new Uint8Array(statistics.slice().buffer);
    const digest = sha256(bytes);
    this.blobs.set(digest, bytes);
    const starts = this.#startsFrom(statistics);
    this.view = { ...this.view, statistics: digest, starts };
    this.student = starts[0]!.initialStudent;
    this.move({ round: this.round + 1 });
  }

  /** A server that applies the one update it got; each leg begins with its candidate's student₀. */
  protected nextRound(update: Float32Array): void {
    const next = new Float32Array(this.layout.length);
    for (const slice of this.layout.slices) {
      const bytes = this.blobs.get(this.student[slice.index]!)!;
      next.set(new Float32Array(bytes.slice().buffer), slice.offset);
    }
    for (const [i, value] of update.entries()) next[i]! -= value;
    // No variance is below 0 (SPEC O4).
    for (const { offset, role, size } of this.layout.entries) {
      if (role !== "running-variance") continue;
      for (let i = offset; i < offset + size; i++) next[i] = Math.max(0, next[i]!);
    }
    this.student = this.store(next);
    this.move({ round: this.round + 1 });
    if (this.round === roundCount(this.view.config)) return;
    const { leg, roundOfLeg } = this.place;
    if (roundOfLeg === 0) this.student = this.view.starts[leg.candidate!]!.initialStudent;
  }

  protected store(state: Float32Array): string[] {
    return this.layout.slices.map(({ length, offset }) => {
      const bytes = new Uint8Array(state.slice(offset, offset + length).buffer);
      const digest = sha256(bytes);
      this.blobs.set(digest, bytes as Uint8Array<ArrayBuffer>);
      return digest;
    });
  }
}
