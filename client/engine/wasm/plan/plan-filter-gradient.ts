import { stored } from "../../program/program-writer.ts";
import type { ConvGeometry, FilterGradientKernel } from "../../program/kernels/convolution.ts";
import { writePartSums } from "../code/flat-code.ts";
import { convolutionInput, paddedInput, type PaddedInput } from "./padded-input.ts";
import { RowPartSums } from "./row-part-sums.ts";
import { isRowProduct, rowSite } from "./row-product.ts";
import { suitsWinograd } from "./plan-winograd.ts";
import { WinogradPartSums, type ImageSpan } from "./plan-winograd-gradient.ts";
import { FLOAT_BYTES, highTilesOf, LANES } from "../code/register-tile.ts";
import {
  channelSlices,
  type Call,
  type ImageBlock,
  type ParallelStage,
  type Site,
  type Task,
} from "./stage.ts";
import { writeWindowGradient, type WindowGradient } from "../code/window-gradient-code.ts";

/** Positions summed before sums are stored: what they are taken from stays in the cache. */
const BLOCK_POSITIONS = 128;

/** dw += Σ over parts, each summed by a task of its own (or several, by output channels). */
export function planFilterGradient(site: Site, kernel: FilterGradientKernel): ParallelStage[] {
  const { geometry } = kernel;
  const slices = channelSlices(geometry, geometry.channelsOut);
  const place = isRowProduct(geometry) ? rowSite(site, geometry) : site;
  const sums = partSums(place, kernel, slices);
  return summedParts(place, kernel, (span, gradient) =>
    Array.from({ length: slices }, (_, slice) => sums.task(span, slice, gradient)),
  );
}

function partSums(
  site: Site,
  kernel: FilterGradientKernel,
  slices: number,
): RowPartSums | WinogradPartSums | PartSums {
  const { geometry } = kernel;
  if (isRowProduct(geometry)) {
    const pitch = inputPitch(geometry);
    return new RowPartSums(site, kernel, { slices, blockRows: BLOCK_POSITIONS, pitch });
  }
  return suitsWinograd(geometry, "gradient")
    ? new WinogradPartSums(site, kernel, slices)
    : new PartSums(site, kernel, slices);
}

/**
 * dw += Σ over parts in order, each over some images of a norm group.
 *
 * @param tasksOf tasks that sum over images, to the gradient at an address; where there is no workspace
 *   they add to what is there.
 */
export function summedParts(
  site: Site,
  { dw, workspace, parts }: Pick<FilterGradientKernel, "dw" | "workspace" | "parts">,
  tasksOf: (span: ImageSpan, gradient: number) => Task[],
): ParallelStage[] {
  const target = site.address(workspace ?? dw);
  const partsPerGroup = parts / site.groups;
  const tasks = Array.from({ length: parts }, (_, part) => {
    const group = Math.floor(part / partsPerGroup);
    const inGroup = part % partsPerGroup;
    const bound = (index: number): number =>
      group * site.groupSize + Math.floor((index * site.groupSize) / partsPerGroup);
    const span = { group, first: bound(inGroup), end: bound(inGroup + 1) };
    const gradient = target + (workspace ? part * dw.length * FLOAT_BYTES : 0);
    return tasksOf(span, gradient);
  });
  if (!workspace) return [tasks.flat()];
  return [tasks.flat(), additionTasks(site, site.address(dw), target, parts, dw.length)];
}

class PartSums {
  readonly #site: Site;
  readonly #kernel: FilterGradientKernel;
  readonly #slices: number;
  readonly #input: PaddedInput;
  /** A slice of the output's gradient, brought together where it lies far apart. */
  readonly #packed: PaddedInput | undefined;

  constructor(site: Site, kernel: FilterGradientKernel, slices: number) {
    const { geometry, x, dy } = kernel;
    this.#site = site;
    this.#kernel = kernel;
    this.#slices = slices;
    this.#input = convolutionInput(site, geometry, x, inputPitch(geometry));
    const { outputHeight, outputWidth, channelsOut } = geometry;
    if (slices === 1) return;
    this.#packed = paddedInput(site, stored(dy), {
      height: outputHeight,
      width: outputWidth,
      channels: channelsOut,
      taken: channelsOut / slices,
      pitch: channelsOut / slices,
      top: 0,
      left: 0,
      paddedHeight: outputHeight,
      paddedWidth: outputWidth,
      reader: "plain",
    });
  }

  task({ group, first, end }: ImageSpan, slice: number, gradient: number): Task {
    const { geometry, workspace } = this.#kernel;
    const { outputHeight, outputWidth, groups } = geometry;
    const images = Math.max(1, Math.floor(BLOCK_POSITIONS / (outputHeight * outputWidth)));
    const rows = Math.max(1, Math.min(outputHeight, Math.floor(BLOCK_POSITIONS / outputWidth)));
    const calls: Call[] = [];
    for (let channelGroup = 0; channelGroup < groups; channelGroup++) {
      let accumulate = workspace === undefined;
      for (let image = first; image < end; image += images) {
        const block = { group, image, count: Math.min(images, end - image), part: 0 };
        const input = this.#input.block(block, channelGroup);
        const scratch = this.#input.fromScratch ? block.count * this.#input.imagePitch : 0;
        const packed = this.#packed?.block(block, slice, scratch);
        calls.push(...input.calls, ...(packed?.calls ?? []));
        for (let row = 0; row < outputHeight; row += rows) {
          const count = Math.min(rows, outputHeight - row);
          const place = { slice, channelGroup, block, row, rows: count };
          const from = { input: input.address, packed: packed?.address };
          calls.push(...this.#sum(place, from, gradient, accumulate));
          accumulate = true;
        }
      }
    }
    return calls;
  }

  #sum(
    { slice, channelGroup, block, row, rows }: Place,
    from: { readonly input: number; readonly packed: number | undefined },
    gradient: number,
    accumulate: boolean,
  ): Call[] {
    const { geometry, dy } = this.#kernel;
    const { channelsIn, channelsOut, groups, outputHeight, outputWidth } = geometry;
    const { stride, dilation } = geometry;
    const input = this.#input;
    const taken = channelsIn / groups;
    // Without gaps between positions, a whole row of the window is contiguous.
    const columnPitch = dilation[1] * input.positionPitch;
    const gaps = columnPitch !== taken * FLOAT_BYTES;
    const run = gaps ? taken : geometry.kernelWidth * taken;
    const gradientPitch = channelsOut * FLOAT_BYTES;
    const positionPitch = this.#packed?.positionPitch ?? gradientPitch;
    const rowPitch = outputWidth * positionPitch;
    const columns = channelsOut / groups / this.#slices;
    const channel = (channelGroup * channelsOut) / groups + slice * columns;
    const outputGradient =
      from.packed === undefined
        ? this.#site.address(dy) + block.image * outputHeight * rowPitch + channel * FLOAT_BYTES
        : from.packed;
    const tiles = highTilesOf(run, columns);
    return tiles.columns.map(({ column, vectors, lanes, count }): Call => {
      const shape: WindowGradient = {
        outputWidth,
        inputPositionPitch: stride[1] * input.positionPitch,
        inputRowPitch: stride[0] * input.rowPitch,
        inputImagePitch: input.imagePitch,
        positionPitch,
        rowPitch,
        imagePitch: outputHeight * rowPitch,
        windowRows: geometry.kernelHeight,
        windowPitch: dilation[0] * input.rowPitch,
        pieces: gaps ? geometry.kernelWidth : 1,
        piecePitch: columnPitch,
        tiles: tiles.rows,
        gradientPitch,
        vectors,
        lanes,
        accumulate,
        fromScratch: input.fromScratch,
        gradientFromScratch: from.packed !== undefined,
        toScratch: false,
        stack: { count: 1, inputPitch: 0, outputGradientPitch: 0, gradientPitch: 0 },
      };
      const at = column * FLOAT_BYTES;
      return [
        this.#site.library.code("window-gradient", shape, 7, writeWindowGradient),
        from.input + row * stride[0] * input.rowPitch,
        outputGradient + row * rowPitch + at,
        gradient + channel * FLOAT_BYTES + at,
        block.count,
        rows,
        count,
      ];
    });
  }
}

/** From this many channels on, positions a power of two apart would push each other out of the cache. */
const CROWDED_CHANNELS = 128;
/** Floats of a line of the cache. */
const LINE_FLOATS = 16;

/** Floats from one position of the padded input to the next. */
function inputPitch({ channelsIn, groups }: ConvGeometry): number {
  const taken = channelsIn / groups;
  return taken % CROWDED_CHANNELS === 0 ? taken + LINE_FLOATS : taken;
}

interface Place {
  readonly slice: number;
  readonly channelGroup: number;
  readonly block: ImageBlock;
  /** First row of each image, and number of rows. */
  readonly row: number;
  readonly rows: number;
}

/** Floats of a task of a flat pass. */
const FLAT_FLOATS = 16384;

/** Cuts `length` floats into whole vectors and a rest: `write(first, vectors, lanes)`. */
export function flatTasks(
  length: number,
  call: (first: number, vectors: number, lanes: number) => Call,
): Task[] {
  const tasks: Task[] = [];
  const whole = length - (length % LANES);
  for (let first = 0; first < whole; first += FLAT_FLOATS) {
    tasks.push([call(first, Math.min(FLAT_FLOATS, whole - first) / LANES, LANES)]);
  }
  if (whole < length) tasks.push([call(whole, 1, length - whole)]);
  return tasks;
}

function additionTasks(
  site: Site,
  total: number,
  workspace: number,
  parts: number,
  length: number,
): Task[] {
  return flatTasks(length, (first, vectors, lanes) => [
    site.library.code(`part-sums ${length}`, lanes, 5, (writer) =>
      writePartSums(writer, length, lanes),
    ),
    total + first * FLOAT_BYTES,
    workspace + first * FLOAT_BYTES,
    parts,
    vectors,
  ]);
}
