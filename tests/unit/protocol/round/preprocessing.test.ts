import { describe, expect, it } from "vitest";
import { IMAGENET, OWN_SIZE } from "../../../../protocol/model/preprocessing-defaults.ts";
import {
  completePreprocessing,
  preprocessingOf,
  preprocessingSchema,
} from "../../../../protocol/round/preprocessing.ts";
import { problem } from "../problem.ts";

const PIXELS = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.25, 0.25] };
const shape = (size: number, channels = 3) => ({ height: size, width: size, channels });
const complete = (given: Parameters<typeof completePreprocessing>[0], channels = 3) =>
  completePreprocessing(given, OWN_SIZE, shape(32, channels));
const { crop: whole, ...SQUASHED } = OWN_SIZE;
const { crop: middle, ...CROPPED } = IMAGENET;

describe("what a model was trained with", () => {
  it("[N1] is its family's where it is not said", () => {
    expect(completePreprocessing({}, IMAGENET, shape(224))).toEqual({ ...CROPPED, resizeTo: 256 });
    expect(complete(PIXELS)).toEqual({ ...SQUASHED, resizeTo: 32, ...PIXELS });
    const said = {
      ...PIXELS,
      resizeTo: 232,
      channelOrder: "bgr",
      range: "bytes",
      antialias: false,
    } as const;
    expect(completePreprocessing(said, IMAGENET, shape(224))).toEqual({ ...CROPPED, ...said });
  });

  it("[N1] crops the same share of images of another size", () => {
    expect([whole, middle]).toEqual([1, 224 / 256]);
    const sizes = [192, 224, 256];
    expect(sizes.map((size) => completePreprocessing({}, IMAGENET, shape(size)).resizeTo)).toEqual([
      219, 256, 292,
    ]);
  });

  it("[N1] takes no mean of one with a deviation of another", () => {
    for (const [given, key] of [
      [{ mean: PIXELS.mean }, "std"],
      [{ std: PIXELS.std }, "mean"],
    ] as const) {
      const asked = () => completePreprocessing(given, IMAGENET, shape(224));
      expect(problem("malformed-request", asked)).toContain(`preprocessing.${key}: is needed`);
    }
  });

  it("[N5.3] has no antialiasing for the nearest pixel", () => {
    expect(complete({ ...PIXELS, interpolation: "nearest" }).antialias).toBe(false);
    const both = preprocessingSchema.safeParse({ interpolation: "nearest", antialias: true });
    expect(both.error?.issues).toMatchObject([{ path: ["antialias"] }]);
  });

  it.each([
    ["no mean", {}, 3, /preprocessing\.mean: is needed/],
    ["no std", { mean: PIXELS.mean }, 3, /preprocessing\.std: is needed/],
    ["three means for one channel", PIXELS, 1, /preprocessing\.mean: has 3 values.*1 channel/],
    ["a crop that is larger", { ...PIXELS, resizeTo: 24 }, 3, /resizeTo: 24 is less.*32/],
    [
      "an order of one channel",
      { mean: [0.5], std: [0.5], channelOrder: "bgr" as const },
      1,
      /channelOrder/,
    ],
  ])("[N1] with %s is refused", (_, given, channels, message) => {
    expect(problem("malformed-request", () => complete(given, channels))).toMatch(message);
  });

  it("was what it was before more than mean and std could be said", () => {
    const held = preprocessingOf({ preprocessing: PIXELS }, shape(32));
    expect(held).toEqual({ ...SQUASHED, resizeTo: 32, ...PIXELS });
  });
});
