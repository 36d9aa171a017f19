import { describe, expect, it } from "vitest";
import { Drawing } from "../../../../protocol/model/drawing.ts";
import {
  HALVES,
  IMAGENET,
  OWN_SIZE,
  usuallySeen,
  type SeenOtherwise,
} from "../../../../protocol/model/preprocessing-defaults.ts";

/** Of a network made for images of 224 pixels. */
function drawn(seen: SeenOtherwise, size = 224) {
  const net = new Drawing(new Map(), (name) => name, { size });
  const image = net.image("stem", { usual: 224 }, seen);
  return net.finish("drawn", net.linear(net.globalPool(image), "head"));
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
    expect(drawn({})).toMatchObject({ preprocessing: IMAGENET, asksPixels: false });
    const asked = drawn({ pixels: "asked" });
    expect(asked.asksPixels).toBe(true);
    expect(asked.preprocessing).toEqual({ ...OWN_SIZE, resize: "shorter-side", crop: 0.875 });
  });

  it("[N1] is as its form has it at ImageNet's size, and at no other", () => {
    const seen = { ...HALVES, interpolation: "bicubic", crop: 0.9 } as const;
    expect(drawn(seen).preprocessing).toEqual({ ...IMAGENET, ...seen });
    expect(drawn(seen, 64).preprocessing).toEqual({ ...OWN_SIZE, resize: "shorter-side" });
  });
});
