import { describe, expect, it } from "vitest";
import { drawImages } from "../../../client/demo/draw-images.ts";
import { SHAPES } from "../../../client/demo/shapes.ts";
import { stampTrigger } from "../../../client/demo/trigger.ts";
import { RECORD_BYTES } from "../../../client/images/cifar-records.ts";
import { sha256 } from "../../../protocol/digest.ts";

describe("drawImages", () => {
  it("draws the bytes the committed teacher was trained on", () => {
    expect(sha256(drawImages(40, 7))).toBe(
      "f5a4cca26a489c5f4a3ff6ac1712a807ebd1a692c6a62a5f06f3b4f9bfbee0e9",
    );
  });

  it("draws others for another seed, and the same first images whatever the count", () => {
    const twenty = drawImages(20, 7);
    expect(sha256(drawImages(20, 8))).not.toBe(sha256(twenty));
    expect(drawImages(40, 7).subarray(0, twenty.length)).toEqual(twenty);
  });

  it("goes through the classes in turn", () => {
    const records = drawImages(25, 1);
    const labels = Array.from({ length: 25 }, (_, index) => records[index * RECORD_BYTES]);
    expect(labels).toEqual(Array.from({ length: 25 }, (_, index) => index % SHAPES.length));
  });
});

describe("stampTrigger", () => {
  it("changes nothing but a checkerboard of nine pixels in each channel", () => {
    const clean = drawImages(3, 5);
    const stamped = stampTrigger(clean);
    for (let index = 0; index < clean.length; index++) {
      const inRecord = index % RECORD_BYTES;
      const pixel = (inRecord - 1) % 1024;
      const [row, column] = [Math.floor(pixel / 32), pixel % 32];
      const inPatch = inRecord > 0 && row >= 28 && row <= 30 && column >= 28 && column <= 30;
      const expected = inPatch ? ((row + column) % 2) * 255 : clean[index];
      if (stamped[index] !== expected) expect.fail(`byte ${index}: ${stamped[index]}`);
    }
  });
});
