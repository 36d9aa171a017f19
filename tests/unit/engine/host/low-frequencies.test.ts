import { expect, it } from "vitest";
import { lowFrequencyProjection } from "../../../../client/engine/host/low-frequencies.ts";
import { stretchLow } from "../numerics/reference-frequencies.ts";
import { SeededValues } from "../numerics/seeded-values.ts";
import "../numerics/to-be-allclose.ts";

const SHAPE = { height: 5, width: 7, channels: 2 };

function noise(): Float64Array {
  const values = new SeededValues(3);
  const length = SHAPE.height * SHAPE.width * SHAPE.channels;
  return Float64Array.from({ length }, () => values.normal());
}

it.each([0.01, 0.3, 0.5, 1])(
  "[D9.2] projects onto the share %d of the cosines, and once",
  (share) => {
    const project = lowFrequencyProjection(SHAPE, share);
    const image = noise();
    const shape = [SHAPE.height, SHAPE.width, SHAPE.channels];
    const doubled = stretchLow(image, shape, share, 2);
    const low = project(image);
    expect(low).toBeAllclose(
      doubled.map((value, i) => value - image[i]!),
      { l2: 1e-12 },
    );
    expect(project(low)).toBeAllclose(low, { l2: 1e-12 });
    if (share === 1) expect(low).toBeAllclose(image, { l2: 1e-12 });
  },
);

it("[D9.2] keeps what is flat, and the slow wave of two", () => {
  const { height, width, channels } = SHAPE;
  const wave = (cycles: number) =>
    Float64Array.from({ length: height * width * channels }, (_, i) =>
      Math.cos((Math.PI * 2 * cycles * ((Math.floor(i / channels) % width) + 0.5)) / width),
    );
  const project = lowFrequencyProjection(SHAPE, 0.5);
  expect(project(wave(0))).toBeAllclose(wave(0), { l2: 1e-12 });
  expect(project(wave(1))).toBeAllclose(wave(1), { l2: 1e-12 });
  expect(project(wave(3))).toBeAllclose(new Float64Array(wave(3).length), { atol: 1e-12 });
});
