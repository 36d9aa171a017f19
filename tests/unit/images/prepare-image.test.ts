import { base64 } from "@scure/base";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { preparationFor, prepareImage, squashedTo } from "../../../client/images/prepare-image.ts";
import type { Picture } from "../../../client/images/picture.ts";
import { resample } from "../../../client/images/resample.ts";
import { PICTURES, RESIZED_PICTURES } from "../../fixtures/resized-pictures.ts";

const coloured = (number: number): Picture => {
  const { data, height, width } = PICTURES[number]!;
  return { width, height, channels: 3, data: base64.decode(data) };
};
const plain = (width: number, height: number, value: number): Picture => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(width * height * 3).fill(value),
});

describe("what Pillow and torchvision make of a picture", () => {
  it.each(
    RESIZED_PICTURES.flatMap((made) =>
      made.pixels.map((pixels, picture) => ({ ...made, picture, pixels })),
    ),
  )(
    "[N3] [N4] [N5.1] [N5.2] [N5.3] [N6] $resize to $resizeTo, $interpolation, antialiased: $antialias, of picture $picture",
    ({ picture, pixels, ...made }) => {
      const { channels, size } = made;
      const preparation = preparationFor({ height: size, width: size, channels }, made);
      expect([...prepareImage(coloured(picture), preparation)]).toEqual([...base64.decode(pixels)]);
    },
  );
});

it("[N5] keeps one colour one colour, at any size and with any filter", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 1, max: 40 }))),
      fc.constantFrom("bilinear", "bicubic", "nearest"),
      fc.boolean(),
      (value, [w, h, toW, toH], interpolation, antialias) => {
        const out = resample(plain(w!, h!, value), toW!, toH!, { interpolation, antialias });
        expect(out.data).toEqual(plain(toW!, toH!, value).data);
      },
    ),
  );
});

it("leaves an image of the right size as it is", () => {
  const image = coloured(2);
  expect(prepareImage(image, squashedTo({ ...image }))).toEqual(image.data);
});

it("refuses a picture that would be too long in proportion, instead of filling the memory", () => {
  const shape = { height: 224, width: 224, channels: 3 };
  const how = { ...squashedTo(shape), resize: "shorter-side" } as const;
  expect(() => prepareImage(plain(1, 9000, 0), how)).toThrow(/too long and narrow.*224×2016000/);
});
