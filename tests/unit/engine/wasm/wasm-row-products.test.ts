import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConvGeometry } from "../../../../client/engine/program/kernels/convolution.ts";
import { rowTilesOf } from "../../../../client/engine/wasm/code/register-tile.ts";
import { isRowProduct } from "../../../../client/engine/wasm/plan/row-product.ts";
import type { Head } from "../numerics/blocks.ts";
import { PLACES, type Place, type Sizes } from "../numerics/places.ts";
import { EnginesAlike } from "./engines-alike.ts";

const GEOMETRY: ConvGeometry = {
  images: 2,
  inputHeight: 5,
  inputWidth: 7,
  channelsIn: 8,
  outputHeight: 5,
  outputWidth: 7,
  channelsOut: 16,
  kernelHeight: 1,
  kernelWidth: 1,
  stride: [1, 1],
  padding: [0, 0],
  dilation: [1, 1],
  groups: 1,
  weightOrder: "in-out",
};

function placeOf(title: string): Place {
  return PLACES.find((place) => place.title === title)!;
}

/** Features of one row an image, in slices of 64 and not. */
const twoHidden: Head = (net, x, classes) => {
  const first = net.relu(net.linear(net.pool(x), 128));
  return net.linear(net.relu(net.linear(first, 40, { bias: false })), classes);
};

/** Rows of several blocks, that begin and end inside of images. */
const SIZES: Sizes = {
  height: 10,
  width: 9,
  imageChannels: 3,
  stemChannels: 10,
  channels: 24,
  kernel: 1,
  stride: 1,
  padding: 0,
  grouping: 1,
  classes: 5,
  norm: [4, 2],
  seed: 3,
};

describe("products of rows", () => {
  const engines = new EnginesAlike();
  beforeAll(() => engines.open());
  afterAll(() => engines.close());

  it.each<[string, string, Partial<Sizes>]>([
    ["of a normalised value", "convolution, norm, rectifier, and again", {}],
    ["in slices of channels", "a convolution of rectified values, rectified", { channels: 128 }],
    [
      "of all positions, weights used twice",
      "linear layers of positions, and weights used twice",
      {},
    ],
    [
      "of the images alone",
      "a convolution of the images, rectified",
      { channels: 7, norm: [3, 3] },
    ],
  ])(
    "are the reference's, the same bits for any threads and pieces: %s",
    async (what, title, own) => {
      const place = placeOf(title);
      const head = what === "of features" ? twoHidden : place.head;
      await engines.compare({ ...place, head }, { ...SIZES, ...own });
    },
  );

  it("are convolutions 1×1 that leave out no position", () => {
    expect(isRowProduct(GEOMETRY)).toBe(true);
    const others: Partial<ConvGeometry>[] = [
      { kernelHeight: 2 },
      { stride: [1, 2] },
      { padding: [0, 1] },
      { groups: 2 },
      { outputWidth: 6 },
    ];
    for (const other of others) expect(isRowProduct({ ...GEOMETRY, ...other })).toBe(false);
  });

  it.each([3, 16, 24, 64, 100])("cut %i columns alike for any number of rows", (columns) => {
    const cuts = [1, 2, 7, 256].map((rows) => rowTilesOf(rows, columns));
    for (const { columns: cut } of cuts) expect(cut).toEqual(cuts[0]!.columns);
    expect(
      cuts.map(({ rows }) => rows.reduce((sum, { height, count }) => sum + height * count, 0)),
    ).toEqual([1, 2, 7, 256]);
  });
});
