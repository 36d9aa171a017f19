import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";

/** Passes over vectors without shape; `lanes` is how many lanes of the last vector exist. */

/**
 * Writes: total += each part, in order. Arguments: scratch (not used), total, parts, number of
 * parts, number of vectors.
 *
 * @param pitch floats from one part to the next.
 */
export function writePartSums(writer: FunctionWriter, pitch: number, lanes: number): void {
  const [, total, parts, count, vectors] = writer.parameters as Parameters5;
  const sum = writer.vector();
  const part = writer.integer();
  writer.repeatVariable(vectors, () => {
    writer.loadVector(total, 0).set(sum).offset(part, parts, 0);
    writer.repeatVariable(count, () => {
      writer.get(sum).loadVector(part, 0).addFloats().set(sum);
      writer.advance(part, pitch * FLOAT_BYTES);
    });
    writer.storeLanes(total, 0, sum, lanes);
    writer.advance(total, VECTOR_BYTES).advance(parts, VECTOR_BYTES);
  });
}

/** Where the settings of a step lie behind each other: −η, μ, λ. */
export const SGD_SETTINGS = 3;

/**
 * Writes PyTorch's SGD: v ← μ·v + (g + λ·θ), θ ← θ − η·v. Arguments: scratch (not used), settings
 * (−η, μ, λ), θ, g, v, number of vectors.
 */
export function writeDescent(writer: FunctionWriter, lanes: number): void {
  const [, settings, theta, gradient, velocity, vectors] = writer.parameters as Parameters6;
  const [rate, momentum, decay, value] = Array.from({ length: 4 }, () =>
    writer.vector(),
  ) as Parameters4;
  [rate, momentum, decay].forEach((setting, i) => {
    writer.loadSplat(settings, i * FLOAT_BYTES).set(setting);
  });
  writer.repeatVariable(vectors, () => {
    writer.multiplyAddTo(
      () => writer.get(momentum),
      () => writer.loadVector(velocity, 0),
      () =>
        writer.multiplyAddTo(
          () => writer.get(decay),
          () => writer.loadVector(theta, 0),
          () => writer.loadVector(gradient, 0),
        ),
    );
    writer.set(value).storeLanes(velocity, 0, value, lanes);
    writer.multiplyAddTo(
      () => writer.get(rate),
      () => writer.get(value),
      () => writer.loadVector(theta, 0),
    );
    writer.set(value).storeLanes(theta, 0, value, lanes);
    for (const pointer of [theta, gradient, velocity]) writer.advance(pointer, VECTOR_BYTES);
  });
}

/** Where the settings of a step of AdamW lie behind each other, as `writeAdam` reads them. */
export const ADAM_SETTINGS = 8;

/**
 * Writes AdamW (`optimizer.ts`). Arguments: scratch (not used), settings (−rate, μ, 1 − μ, β₂, 1 − β₂,
 * what θ keeps, root's scale, ε), θ, g, m, v, number of vectors.
 */
export function writeAdam(writer: FunctionWriter, lanes: number): void {
  const [, settings, theta, gradient, mean, square, vectors] = writer.parameters as Parameters7;
  const held = Array.from({ length: ADAM_SETTINGS }, () => writer.vector());
  const [rate, first, freshFirst, second, freshSecond, keeps, rootScale, epsilon] = held as [
    ...Parameters7,
    Local,
  ];
  const slope = writer.vector();
  const value = writer.vector();
  const momentum = writer.vector();
  held.forEach((setting, i) => writer.loadSplat(settings, i * FLOAT_BYTES).set(setting));
  const blend = (old: Local, share: Local, fresh: () => void, freshShare: Local): void => {
    writer.get(share).loadVector(old, 0).multiplyFloats();
    fresh();
    writer.get(freshShare).multiplyFloats().addFloats();
  };
  writer.repeatVariable(vectors, () => {
    writer.loadVector(gradient, 0).set(slope);
    blend(mean, first, () => writer.get(slope), freshFirst);
    writer.set(momentum).storeLanes(mean, 0, momentum, lanes);
    blend(square, second, () => writer.get(slope).get(slope).multiplyFloats(), freshSecond);
    writer.set(value).storeLanes(square, 0, value, lanes);
    // −rate·m/(√v·scale + ε)
    writer.get(rate).get(momentum).multiplyFloats();
    writer.get(value).rootFloats().get(rootScale).multiplyFloats().get(epsilon).addFloats();
    writer.divideFloats();
    writer.loadVector(theta, 0).get(keeps).multiplyFloats().addFloats().set(value);
    writer.storeLanes(theta, 0, value, lanes);
    for (const pointer of [theta, gradient, mean, square]) writer.advance(pointer, VECTOR_BYTES);
  });
}

type Parameters4 = [Local, Local, Local, Local];
type Parameters5 = [Local, Local, Local, Local, Local];
type Parameters6 = [Local, Local, Local, Local, Local, Local];
type Parameters7 = [Local, Local, Local, Local, Local, Local, Local];

/** How the gradient of a mean over positions is spread over them. */
export interface Spread {
  readonly channels: number;
  readonly positions: number;
  /** Whether to add to what is there. */
  readonly accumulate: boolean;
}

/**
 * Writes: each of an image's `positions` rows ← the image's one row, divided by their number.
 * Arguments: scratch (not used), `[images, channels]`, `[images, positions, channels]`, images.
 */
export function writeSpread(writer: FunctionWriter, shape: Spread): void {
  const { channels, positions, accumulate } = shape;
  const [, source, target, images] = writer.parameters as Parameters4;
  const value = writer.vector();
  const share = writer.vector();
  const from = writer.integer();
  const to = writer.integer();
  const vectors = Math.ceil(channels / LANES);
  const rowBytes = channels * FLOAT_BYTES;
  writer.splat(1 / positions).set(share);
  const column = (lanes: number): void => {
    writer.loadVector(from, 0).get(share).multiplyFloats();
    if (accumulate) writer.loadVector(to, 0).addFloats();
    writer.set(value);
    writer.storeLanes(to, 0, value, lanes);
    writer.advance(from, VECTOR_BYTES).advance(to, VECTOR_BYTES);
  };
  writer.repeatVariable(images, () => {
    writer.repeat(positions, () => {
      writer.offset(from, source, 0).offset(to, target, 0);
      if (vectors > 1) writer.repeat(vectors - 1, () => column(LANES));
      column(channels - (vectors - 1) * LANES);
      writer.advance(target, rowBytes);
    });
    writer.advance(source, rowBytes);
  });
}
