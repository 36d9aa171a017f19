import { describe, expect, it } from "vitest";
import { Drawing } from "../../../../protocol/model/drawing.ts";
import {
  IMAGENET,
  OWN_SIZE,
  usuallySeen,
} from "../../../../protocol/model/preprocessing-defaults.ts";

/** Of a network made for images of 224 pixels. */
function drawn(pixels: "usual" | "asked") {
  const net = new Drawing(new Map(), (name) => name, {});
  const image = net.image("stem", { usual: 224 }, pixels);
  return net.finish("drawn", net.linear(net.globalPool(image), "head")).preprocessing;
}

describe("how a network is usually trained to see pictures", () => {
  it.each([
    ["made for 32, at 32", 32, 32, OWN_SIZE],
    ["made for 32, at 64", 32, 64, OWN_SIZE],
    ["made for 32, at 224", 32, 224, { ...OWN_SIZE, resize: "shorter-side" }],
    ["made for 224, at 224", 224, 224, IMAGENET],
    ["made for 224, at 192", 224, 192, IMAGENET],
    ["made for 224, at 64", 224, 64, { ...OWN_SIZE, resize: "shorter-side" }],
  ] as const)(
    "[N1] is that of the data it was most likely trained on: %s",
    (_, usual, side, seen) => {
      expect(usuallySeen(usual, side)).toEqual(seen);
    },
  );

  it("[N1] has no mean and std where the same tensors are trained with different ones", () => {
    expect(drawn("usual")).toEqual(IMAGENET);
    expect(drawn("asked")).toEqual({ ...OWN_SIZE, resize: "shorter-side", crop: 0.875 });
  });
});
