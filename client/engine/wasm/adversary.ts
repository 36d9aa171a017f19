import type { ImageShape } from "../../../protocol/model/graph.ts";
import { checkAdversary, checkKeptPerturbation, copiesOf } from "../check-adversary.ts";
import type { AdversarySettings, StepResult } from "../engine.ts";
import { ascend } from "../host-ascent.ts";
import { fieldBall, fieldLength, gatherOntoGrid, imageLengthOf } from "../warp-field.ts";
import type { BatchRunner, BatchWork, CopiesWork } from "./batch-runner.ts";

/** A session's perturbations: the universal one that it keeps, and those of single steps. */
export class Adversary {
  readonly #shape: ImageShape;
  /** δ `[H, W, C]`, and φ behind it once a step had a warp; undefined until there is one. */
  #universal: Float32Array | undefined;

  constructor(shape: ImageShape) {
    this.#shape = shape;
  }

  /** The universal perturbation as it is now. */
  get universal(): Float32Array | undefined {
    return this.#universal?.slice();
  }

  set universal(perturbation: Float32Array | undefined) {
    if (perturbation) checkKeptPerturbation(perturbation, this.#shape);
    this.#universal = perturbation?.slice();
  }

  /** @throws EngineError `invalid-input` for settings that cannot be trained with. */
  check(settings: AdversarySettings): void {
    checkAdversary(settings, this.#shape);
  }

  /**
   * Leaves the gradient of distillation with perturbed copies in memory, and the perturbation
   * ascended.
   *
   * @param settings that `check` lets pass
   * @param batch with the temperature of the training pass
   */
  differentiate(
    runner: BatchRunner,
    settings: AdversarySettings,
    batch: Omit<BatchWork, "mode" | "aim" | "copies"> & { readonly temperature: number },
  ): StepResult {
    const { temperature, ...images } = batch;
    const copies = this.#copiesOf(settings, batch);
    if (settings.ascents === 0) {
      const aim = { temperature, given: undefined };
      const result = runner.run({ ...images, mode: "distil", aim, copies });
      this.#ascend(copies, settings);
      return result;
    }
    const given = runner.evaluate("teacher", batch.values, batch.size);
    for (let i = 0; i < settings.ascents; i++) {
      runner.run({ ...images, mode: "attack", aim: { temperature: 1, given }, copies });
      this.#ascend(copies, settings);
    }
    return runner.run({ ...images, mode: "imitate", aim: { temperature, given }, copies });
  }

  #copiesOf(
    { share, scope, restart, warp, weight }: AdversarySettings,
    { size, groupSize }: Pick<BatchWork, "size" | "groupSize">,
  ): CopiesWork {
    const perGroup = copiesOf(share, groupSize);
    const perImage = scope === "per-image";
    const values = perImage
      ? new Float32Array((size / groupSize) * perGroup * this.#length)
      : this.#begin(restart, warp?.grid);
    const { height, width } = this.#shape;
    const ascent = new Float32Array(warp ? this.#length + 2 * height * width : values.length);
    return { perGroup, perImage, warpGrid: warp?.grid, weight, values, ascent };
  }

  #begin(restart: Float32Array | undefined, grid: number | undefined): Float32Array {
    if (restart) this.universal = restart;
    const kept = this.#universal ?? new Float32Array(this.#length);
    const length = this.#length + fieldLength(grid ?? 0);
    if (grid === undefined || kept.length === length) return (this.#universal = kept);
    const values = new Float32Array(length);
    values.set(kept.subarray(0, this.#length));
    return (this.#universal = values);
  }

  #ascend({ values, ascent }: CopiesWork, settings: AdversarySettings): void {
    const { warp } = settings;
    const length = this.#length;
    if (warp) {
      const shape = { grid: warp.grid, image: this.#shape };
      const gradient = gatherOntoGrid(ascent.subarray(length), shape);
      ascend(values.subarray(length), gradient, gradient.length, fieldBall(warp));
    }
    const deltas = settings.scope === "universal" ? length : values.length;
    ascend(values.subarray(0, deltas), ascent.subarray(0, deltas), length, settings);
    ascent.fill(0);
  }

  get #length(): number {
    return imageLengthOf(this.#shape);
  }
}
