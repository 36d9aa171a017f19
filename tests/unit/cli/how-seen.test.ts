import { describe, expect, it } from "vitest";
import { OptionError } from "../../../client/cli/option-error.ts";
import { howSeen } from "../../../client/cli/how-seen.ts";
import { preprocessingText } from "../../../client/cli/show/preprocessing-text.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { IMAGENET, OWN_SIZE } from "../../../protocol/model/preprocessing-defaults.ts";

const graph = resnet18({ width: 2, classes: 3 });
const MODEL = { graph, preprocessing: OWN_SIZE };
const PIXELS = { mean: [0, 0.5, 0.25], std: [1, 1, 0.5] };

function refusal(given: Parameters<typeof howSeen>[1]): OptionError {
  try {
    howSeen(MODEL, given);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return error as OptionError;
  }
  return expect.fail("nothing was thrown");
}

describe("a model with the pictures that it is to see", () => {
  it("[N1] has images made for it", () => {
    const { preparation } = howSeen(MODEL, { ...PIXELS, resizeTo: 40 });
    expect(preparation).toMatchObject({ ...graph.inputShape, margin: 8, resize: "squash" });
  });

  it("[N1] needs mean and std where its family has none, and says which flag and what with", () => {
    const { advice, message } = refusal({ mean: PIXELS.mean });
    expect(message).toMatch(/^--std: is needed/);
    expect(advice).toContain("CIFAR-10 models mostly use --mean");
    const known = howSeen({ ...MODEL, preprocessing: IMAGENET }, {});
    expect(known.preprocessing).toMatchObject({ mean: IMAGENET.mean, resizeTo: 36 });
  });

  it("[N1] refuses what does not go together by its flag", () => {
    expect(refusal({ ...PIXELS, resizeTo: 24 }).message).toMatch(/^--resize-to: 24 is/);
    const { advice, message } = refusal({ mean: [125, 122, 113], std: [63, 62, 67] });
    expect(message).toBe("--mean: 125 is no mean of pixels from 0 to 1");
    expect(advice).toContain("--value-range");
    const bytes = { mean: [125, 122, 113], std: [63, 62, 67], range: "bytes" as const };
    expect(howSeen(MODEL, bytes).preprocessing.mean).toEqual(bytes.mean);
  });
});

it("[N1] what a model is given is told in a line", () => {
  const { preprocessing } = howSeen(MODEL, {
    ...PIXELS,
    resizeTo: 40,
    channelOrder: "bgr",
    range: "symmetric",
  });
  expect(preprocessingText(graph.inputShape, preprocessing)).toBe(
    "pictures of 32×32, the middle 32×32 of 40 (squash, bilinear, antialiased); blue before green before red; " +
      "mean 0,0.5,0.25 and std 1,1,0.5 of pixels from −1 to 1",
  );
});
