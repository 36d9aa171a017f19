import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Kernel } from "../../program/kernels/kernels.ts";
import type { Tiling } from "../../program/tiling.ts";
import type { Device } from "../device/device.ts";
import { quadsOf } from "../wgsl/channels.ts";
import { convolveParts } from "../wgsl/convolve.ts";
import { depthwiseFilterParts } from "../wgsl/depthwise-filter-gradient.ts";
import { depthwiseInputGradientParts, depthwiseParts } from "../wgsl/depthwise.ts";
import { inputGradientParts } from "../wgsl/input-gradient.ts";
import { ALONE, TOGETHER, rowRuns, type Cooperation } from "../wgsl/cooperation.ts";
import { tileColumns, tileRows, tileThreads, type Tile } from "../wgsl/tile.ts";

/** The three matrix products of a convolution. */
export type ProductKind = "convolve" | "input-gradient" | "filter-gradient";

/** Which tile each product is cut by; decided by the shapes of one norm group. */
export interface Tiles {
  tileFor(kind: ProductKind, geometry: ConvGeometry, groupSize: number): Tile;
  /** How the other kernels share work. */
  readonly cooperation: Cooperation;
  /** Workgroups that keep the device busy. */
  readonly workgroups: number;
}

/** Rows and columns of a product in one norm group and one group of channels. */
export function productShape(
  kind: ProductKind,
  geometry: ConvGeometry,
  groupSize: number,
): { rows: number; columns: number } {
  const { inputHeight, inputWidth, outputHeight, outputWidth, groups } = geometry;
  const { channelsIn, channelsOut, kernelHeight, kernelWidth, stride } = geometry;
  const inputs = channelsIn / groups;
  const outputs = channelsOut / groups;
  switch (kind) {
    case "convolve":
      return { rows: groupSize * outputHeight * outputWidth, columns: outputs };
    case "input-gradient":
      // Of one class of positions (`parity.ts`).
      return {
        rows: Math.ceil((groupSize * inputHeight * inputWidth) / (stride[0] * stride[1])),
        columns: inputs,
      };
    case "filter-gradient":
      return { rows: 4 * kernelHeight * kernelWidth * quadsOf(inputs), columns: outputs };
    default:
      return kind satisfies never;
  }
}

/** A convolution, or a gradient of it. */
export type ProductKernel = Extract<Kernel, { kind: ProductKind }>;

export function isProduct(kernel: Kernel): kernel is ProductKernel {
  return ["convolve", "input-gradient", "filter-gradient"].includes(kernel.kind);
}

/**
 * Images of a norm group that a product's tile is chosen by. Where there are sums those that are
 * summed, so that copies change neither the tile nor the order of the sums.
 */
export function tiledImages(kernel: ProductKernel, groupSize: number): number {
  if (kernel.kind !== "convolve" || !kernel.sums) return groupSize;
  const { outputHeight, outputWidth } = kernel.geometry;
  return kernel.sums.cleanRows / (outputHeight * outputWidth);
}

/** Staged in shared memory, 64 invocations: 32×32, 64×32 and 64×64. */
export const SHARED_TILES: readonly Tile[] = [
  { shared: true, rows: 4, quads: 1, rowThreads: 8, columnThreads: 8, depth: 16 },
  { shared: true, rows: 8, quads: 1, rowThreads: 8, columnThreads: 8, depth: 16 },
  { shared: true, rows: 8, quads: 2, rowThreads: 8, columnThreads: 8, depth: 16 },
];

/** Whether a device has the shared memory a tile needs. */
export function fitsDevice(tile: Tile, device: Device): boolean {
  const { maxComputeWorkgroupStorageSize } = device.gpu.limits;
  return sharedBytes(tile) <= maxComputeWorkgroupStorageSize;
}

/** Bytes of shared memory, at most: both staged factors and the channel sums. */
function sharedBytes(tile: Tile): number {
  const vectors =
    (tileRows(tile) + tileColumns(tile)) * (tile.depth / 4 + 1) + 2 * tileThreads(tile);
  return 16 * vectors;
}

const SHARED: Tiles = {
  cooperation: TOGETHER,
  workgroups: 512,
  tileFor(kind, geometry, groupSize) {
    const { rows, columns } = productShape(kind, geometry, groupSize);
    const [small, tall, large] = SHARED_TILES as [Tile, Tile, Tile];
    const workgroups = Math.ceil(rows / 64) * Math.ceil(columns / 64);
    if (columns > 32 && workgroups >= 64) return large;
    return rows >= 64 * 64 ? tall : small;
  },
};

/** Most rows of threads of a workgroup without shared memory. */
const MOST_ROW_THREADS = 64;

/**
 * A tile without shared memory, of four rows and `quads` × 4 columns an invocation; as many rows of
 * threads as divide the product's rows best.
 */
function quadTile(rows: number, columns: number, quads: number): Tile {
  const threads = 4 * Math.ceil(rows / 16);
  const tiles = Math.ceil(threads / MOST_ROW_THREADS);
  return {
    shared: false,
    rows: 4,
    quads: Math.min(quads, quadsOf(columns)),
    rowThreads: 4 * Math.ceil(threads / 4 / tiles),
    columnThreads: 1,
    depth: 4,
  };
}

const QUADS: Tiles = {
  cooperation: ALONE,
  workgroups: 16,
  tileFor(kind, geometry, groupSize) {
    const { rows, columns } = productShape(kind, geometry, groupSize);
    return quadTile(rows, columns, 2);
  },
};

/** Tiles for a device that has not been tuned. */
export function defaultTiles(software: boolean, subgroups: boolean): Tiles {
  return software && subgroups ? QUADS : SHARED;
}

/** Fewest output positions of a run that a filter gradient is summed by. */
const SHORTEST_RUN = 64;

export function tilingOf(tiles: Tiles): Tiling {
  return {
    convolveParts: (geometry, cleanImages) =>
      convolveParts(geometry, tiles.tileFor("convolve", geometry, cleanImages), cleanImages),
    inputGradientParts: (geometry, groupSize) =>
      inputGradientParts(geometry, tiles.tileFor("input-gradient", geometry, groupSize), groupSize),
    rowParts: (rows, channels) => rowRuns(rows, channels, tiles.cooperation),
    filterParts: (geometry, groupSize) => {
      const tile = tiles.tileFor("filter-gradient", geometry, groupSize);
      const { rows, columns } = productShape("filter-gradient", geometry, groupSize);
      const cover = Math.ceil(rows / tileRows(tile)) * Math.ceil(columns / tileColumns(tile));
      const positions = groupSize * geometry.outputHeight * geometry.outputWidth;
      const longest = Math.max(1, Math.floor(positions / SHORTEST_RUN));
      return Math.min(longest, Math.ceil(tiles.workgroups / (cover * geometry.groups)));
    },
    depthwise: {
      forwardParts: (geometry, images) => depthwiseParts(geometry, images, tiles.cooperation),
      inputGradientParts: (geometry, groupSize) =>
        depthwiseInputGradientParts(geometry, groupSize, tiles.cooperation),
      filterParts: (geometry, groupSize) =>
        depthwiseFilterParts(geometry, groupSize, tiles.cooperation, tiles.workgroups),
    },
  };
}
