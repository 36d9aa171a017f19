import { placesRead, type AxisWalk } from "../../program/kernels/window-taps.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import { groupParts, RUN_ROWS, type GroupPart, type ImageBlock, type Site } from "./stage.ts";

/**
 * How the results of a depthwise convolution, or of its gradient, are cut: into bands of rows whose
 * padded input stays in the second-level cache, and with it what they give.
 */

/** What each result reads, along both axes. */
export interface WindowWalk {
  readonly vertical: AxisWalk;
  readonly horizontal: AxisWalk;
  readonly channels: number;
}

export interface BandCut {
  /** Rows of results of a band, and bands of an image. */
  readonly rows: number;
  readonly count: number;
  /** Images of a task, where an image is one band. */
  readonly images: number;
}

/** Rows of results of some images; several images only where an image is one band. */
export interface RowBand extends ImageBlock, Pick<GroupPart, "clean"> {
  /** First row of each image, and number of rows. */
  readonly row: number;
  readonly rows: number;
}

/** Of padded rows and of results. */
const BAND_BYTES = 384 * 1024;

/** From this many channels on, positions a power of two apart would push each other out of the cache. */
const CROWDED_CHANNELS = 128;
/** Floats of a line of the cache. */
const LINE_FLOATS = 16;

/** Floats from one position to the next in padded rows. */
export function paddedPitch(channels: number): number {
  return channels % CROWDED_CHANNELS === 0 ? channels + LINE_FLOATS : channels;
}

/** Positions of a padded row. */
export function paddedWidth({ horizontal }: WindowWalk): number {
  return placesRead(horizontal, horizontal.results);
}

export function bandCut(walk: WindowWalk): BandCut {
  const { vertical, horizontal, channels } = walk;
  const { results, period, advance, first, last } = vertical;
  const rowBytes = paddedWidth(walk) * paddedPitch(channels) * FLOAT_BYTES;
  const resultBytes = period * horizontal.results * channels * FLOAT_BYTES;
  // At least as many rows as are read again by the next band.
  const fewest = Math.ceil((last - first) / advance);
  const rest = BAND_BYTES - (last - first + 1 - advance) * rowBytes;
  const most = Math.floor(rest / (advance * rowBytes + resultBytes));
  const periods = Math.ceil(results / period);
  const taken = Math.min(periods, Math.max(1, fewest, most));
  const even = Math.ceil(periods / Math.ceil(periods / taken));
  const count = Math.ceil(periods / even);
  const rows = Math.min(results, even * period);
  if (count > 1) return { rows, count, images: 1 };
  const positions = results * horizontal.results;
  const imageBytes = positions * channels * FLOAT_BYTES;
  const images = Math.floor(Math.min(RUN_ROWS / positions, BAND_BYTES / imageBytes));
  return { rows, count, images: Math.max(1, images) };
}

/** Partial sums that some images of a norm group have. */
export function bandParts(walk: WindowWalk, images: number): number {
  const cut = bandCut(walk);
  return Math.ceil(images / cut.images) * partsOfBlock(walk, cut);
}

function partsOfBlock(walk: WindowWalk, cut: BandCut): number {
  const before = (cut.count - 1) * cut.rows;
  const last = walk.vertical.results - before;
  return (cut.count - 1) * partsOfBand(walk, cut, cut.rows) + partsOfBand(walk, cut, last);
}

function partsOfBand({ horizontal }: WindowWalk, { images }: BandCut, rows: number): number {
  return Math.ceil((images * rows * horizontal.results) / RUN_ROWS);
}

/** @param clean images of each norm group that are not copies */
export function rowBands(
  { groupSize, groups }: Pick<Site, "groupSize" | "groups">,
  walk: WindowWalk,
  clean: number,
): readonly RowBand[] {
  const cut = bandCut(walk);
  const { results } = walk.vertical;
  return Array.from({ length: groups }, (_, group) =>
    groupParts(groupSize, clean).flatMap(({ first, count, clean: isClean }) =>
      Array.from({ length: Math.ceil(count / cut.images) }, (_unused, block) =>
        Array.from({ length: cut.count }, (_none, band): RowBand => {
          const at = block * cut.images;
          const row = band * cut.rows;
          return {
            group,
            image: group * groupSize + first + at,
            count: Math.min(cut.images, count - at),
            row,
            rows: Math.min(cut.rows, results - row),
            part: block * partsOfBlock(walk, cut) + band * partsOfBand(walk, cut, cut.rows),
            clean: isClean,
          };
        }),
      ).flat(),
    ),
  ).flat();
}
