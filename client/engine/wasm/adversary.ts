import type { ImageShape } from "../../../protocol/model/graph.ts";
import { checkKeptPerturbation } from "../step/check-adversary.ts";
import type { AdversarySettings, LowFrequencySettings } from "../adversary-settings.ts";
import { ascend, ascendInStretchedBall, type StretchedAxes } from "../host/host-ascent.ts";
import { lowFrequencyProjection } from "../host/low-frequencies.ts";
import { fieldBall, fieldLength, gatherOntoGrid, imageLengthOf } from "../host/warp-field.ts";
import type { StepRequest } from "../step/request.ts";
import type { Perturbation } from "./plan/copy-kernels.ts";

/** What all copies of a batch are perturbed with, and what they count for. */
export interface Perturbations extends Perturbation {
  /** Of the copies' mean loss. */
  readonly weight: number;
}

/** A session's perturbations: the universal one that it keeps, and those of single steps. */
export class Adversary {
  readonly #shape: ImageShape;
  /** δ `[H, W, C]`, and φ behind it once a step had a warp; undefined until there is one. */
  #universal: Float32Array | undefined;
  /** Of the steps so far; a campaign has one kind. */
  #stretched: (StretchedAxes & LowFrequencySettings) | undefined;

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

  /** What a step's copies are perturbed with, as it begins. */
  begin(
    { size, groupSize, adversary }: StepRequest,
    { field, restart, warp, weight, pattern }: AdversarySettings,
  ): Perturbations {
    const { perGroup, perImage } = adversary!.copies;
    const values = perImage
      ? new Float32Array((size / groupSize) * perGroup * this.#length)
      : this.#begin(restart, warp?.grid);
    if (field) values.set(field, this.#length);
    const { height, width } = this.#shape;
    const ascent = new Float32Array(warp ? this.#length + 2 * height * width : values.length);
    return { weight, values, ascent, pattern };
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

  /** Moves perturbations along the gradient that passes added up, which begins anew. */
  ascend({ values, ascent }: Perturbations, settings: AdversarySettings): void {
    const { lowFrequencies, warp } = settings;
    const length = this.#length;
    if (warp) {
      const shape = { grid: warp.grid, image: this.#shape };
      const gradient = gatherOntoGrid(ascent.subarray(length), shape);
      ascend(values.subarray(length), gradient, gradient.length, fieldBall(warp));
    }
    const deltas = settings.scope === "universal" ? length : values.length;
    const [delta, gradient] = [values.subarray(0, deltas), ascent.subarray(0, deltas)];
    if (lowFrequencies) {
      ascendInStretchedBall(delta, gradient, settings, this.#axesOf(lowFrequencies));
    } else ascend(delta, gradient, length, settings);
    ascent.fill(0);
  }

  #axesOf({ share, gain }: LowFrequencySettings): StretchedAxes {
    const kept = this.#stretched;
    if (kept?.share === share && kept.gain === gain) return kept;
    this.#stretched = { share, gain, project: lowFrequencyProjection(this.#shape, share) };
    return this.#stretched;
  }

  get #length(): number {
    return imageLengthOf(this.#shape);
  }
}
