import type { ImageShape } from "../../../protocol/model/graph.ts";
import { checkAdversary, checkPerturbation, copiesOf } from "../check-adversary.ts";
import type { AdversarySettings, StepResult } from "../engine.ts";
import { ascend } from "../host-ascent.ts";
import type { BatchRunner, BatchWork, CopiesWork } from "./batch-runner.ts";

/** A session's perturbations: the universal one that it keeps, and those of single steps. */
export class Adversary {
  readonly #shape: ImageShape;
  /** `[H, W, C]`; undefined until there is one. */
  #universal: Float32Array | undefined;

  constructor(shape: ImageShape) {
    this.#shape = shape;
  }

  /** The universal perturbation as it is now. */
  get universal(): Float32Array | undefined {
    return this.#universal?.slice();
  }

  set universal(perturbation: Float32Array | undefined) {
    if (perturbation) checkPerturbation(perturbation, this.#shape);
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
    { share, scope, restart, weight }: AdversarySettings,
    { size, groupSize }: Pick<BatchWork, "size" | "groupSize">,
  ): CopiesWork {
    const perGroup = copiesOf(share, groupSize);
    const perImage = scope === "per-image";
    const values = perImage
      ? new Float32Array((size / groupSize) * perGroup * this.#length)
      : this.#begin(restart);
    return { perGroup, perImage, weight, values, ascent: new Float32Array(values.length) };
  }

  #begin(restart: Float32Array | undefined): Float32Array {
    if (restart) this.universal = restart;
    return (this.#universal ??= new Float32Array(this.#length));
  }

  #ascend({ values, ascent }: CopiesWork, settings: AdversarySettings): void {
    ascend(values, ascent, this.#length, settings);
    ascent.fill(0);
  }

  get #length(): number {
    const { height, width, channels } = this.#shape;
    return height * width * channels;
  }
}
