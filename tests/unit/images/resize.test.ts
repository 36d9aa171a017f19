import fc from "fast-check";
import { expect, it } from "vitest";
import { resizeRgb } from "../../../client/images/resize.ts";

const gray = (values: readonly number[], width: number, height: number) => ({
  width,
  height,
  data: Uint8Array.from(values.flatMap((value) => [value, value, value])),
});
const firstChannel = ({ data }: { data: Uint8Array }) => [...data].filter((_, i) => i % 3 === 0);

it("shrinks as Pillow's BILINEAR does (Image.resize of Pillow 9.4)", () => {
  const row = [0, 255, 10, 200, 30, 90, 120];
  expect(firstChannel(resizeRgb(gray(row, 7, 1), 3, 1))).toEqual([111, 112, 88]);
});

it("enlarges as Pillow's BILINEAR does", () => {
  expect(firstChannel(resizeRgb(gray([0, 100, 250, 40], 2, 2), 5, 3))).toEqual([
    0, 10, 50, 90, 100, 125, 120, 98, 76, 70, 250, 229, 145, 61, 40,
  ]);
});

it("keeps one colour one colour, at any size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.tuple(...Array.from({ length: 4 }, () => fc.integer({ min: 1, max: 40 }))),
      (value, [w, h, toW, toH]) => {
        const image = gray(
          Array.from({ length: w! * h! }, () => value),
          w!,
          h!,
        );
        const out = resizeRgb(image, toW!, toH!);
        expect(out.data).toHaveLength(toW! * toH! * 3);
        expect(out.data.every((byte) => byte === value)).toBe(true);
      },
    ),
  );
});

it("leaves an image of the right size as it is", () => {
  const image = gray([1, 2, 3, 4], 2, 2);
  expect(resizeRgb(image, 2, 2).data).toEqual(image.data);
});
