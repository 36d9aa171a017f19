import type { PreprocessingDefaults } from "../../model/preprocessing-defaults.ts";

/** A number for all channels, or one each. */
type ByChannel = readonly number[];

/** What a network does to pixels first: each times a factor, plus an offset. */
export class InputScaling {
  static readonly NONE = new InputScaling([1], [0]);

  readonly #factor: ByChannel;
  readonly #offset: ByChannel;

  private constructor(factor: ByChannel, offset: ByChannel) {
    this.#factor = factor;
    this.#offset = offset;
  }

  get isNone(): boolean {
    return this.#factor.every((value) => value === 1) && this.#offset.every((value) => value === 0);
  }

  /** And then times another factor, and plus another offset. */
  andThen(factor: ByChannel, offset: ByChannel): InputScaling {
    const scaled = byChannel(this.#offset, factor, (own, other) => own * other);
    return new InputScaling(
      byChannel(this.#factor, factor, (own, other) => own * other),
      byChannel(scaled, offset, (own, other) => own + other),
    );
  }

  /**
   * The same as preprocessing, of pixels from 0 to 255, which is what such networks are given.
   *
   * @param channels of the pictures
   */
  preprocessing(channels: number): Pick<PreprocessingDefaults, "mean" | "range" | "std"> {
    const all = (values: ByChannel): number[] =>
      Array.from({ length: channels }, (_, i) => values[i % values.length]!);
    const plain = { mean: all([0]), std: all([1]) };
    if (isAbout(this.#factor, 1 / 255) && isAbout(this.#offset, 0)) {
      return { range: "unit", ...plain };
    }
    if (isAbout(this.#factor, 1 / 127.5) && isAbout(this.#offset, -1)) {
      return { range: "symmetric", ...plain };
    }
    const mean = byChannel(this.#offset, this.#factor, (offset, factor) => -offset / factor);
    return { range: "bytes", mean: all(mean), std: all(this.#factor.map((factor) => 1 / factor)) };
  }
}

function isAbout(values: ByChannel, value: number): boolean {
  return values.every((own) => Math.abs(own - value) < 1e-6);
}

function byChannel(
  one: ByChannel,
  other: ByChannel,
  joined: (a: number, b: number) => number,
): number[] {
  const length = Math.max(one.length, other.length);
  return Array.from({ length }, (_, i) => joined(one[i % one.length]!, other[i % other.length]!));
}
