import { describe, expect, it } from "vitest";
import { AttackError } from "../../../client/attack/attack-error.ts";
import { cornerPlace, patchTrigger } from "../../../client/attack/badnets.ts";
import { randomPixels, stamped } from "./image-of.ts";

const shape = { height: 32, width: 32, channels: 3 };

function colours(): [[number, number, number], [number, number, number]] {
  return [
    [0, 0, 0],
    [255, 255, 255],
  ];
}

describe("the BadNets patch", () => {
  it("is the published checkerboard at rows and columns 28 to 30, and nothing else changes", () => {
    const image = randomPixels(32 * 32 * 3);
    const trigger = patchTrigger({ size: 3, ...cornerPlace(3, shape), colours: colours() }, shape);
    const expected = image.slice();
    [
      [0, 255, 0],
      [255, 0, 255],
      [0, 255, 0],
    ].forEach((row, y) =>
      row.forEach((value, x) => {
        const start = ((28 + y) * 32 + 28 + x) * 3;
        expected.fill(value, start, start + 3);
      }),
    );
    expect(stamped(image, trigger)).toEqual(expected);
  });

  it("has the colours, size and place that it is given, on images that are not square", () => {
    const small = { height: 3, width: 4, channels: 3 };
    const trigger = patchTrigger(
      {
        size: 2,
        row: 0,
        column: 2,
        colours: [
          [1, 2, 3],
          [4, 5, 6],
        ],
      },
      small,
    );
    const rows = [
      [9, 9, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6],
      [9, 9, 9, 9, 9, 9, 4, 5, 6, 1, 2, 3],
      [9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
    ];
    const image = new Uint8Array(36).fill(9);
    expect(Array.from(stamped(image, trigger))).toEqual(rows.flat());
  });

  it.each([
    { size: 3, row: 30, column: 0 },
    { size: 3, row: 0, column: 30 },
    { size: 33, row: 0, column: 0 },
  ])("refuses a patch outside of the image: %j", (place) => {
    expect(() => patchTrigger({ ...place, colours: colours() }, shape)).toThrow(AttackError);
  });
});
