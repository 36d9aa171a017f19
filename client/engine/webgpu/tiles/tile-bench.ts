import type { ConvGeometry } from "../../program/kernels/convolution.ts";
import type { Program } from "../../program/program.ts";
import { bytesIn, type Operand, type Region } from "../../program/operands.ts";
import type { Device } from "../device/device.ts";
import { isProduct, type ProductKind } from "./tiles.ts";
import { convolveDispatch, convolveParts } from "../wgsl/convolve.ts";
import { filterGradientDispatch } from "../wgsl/filter-gradient.ts";
import { inputGradientDispatch, inputGradientParts } from "../wgsl/input-gradient.ts";
import type { Dispatch } from "../wgsl/shader.ts";
import type { Tile } from "../wgsl/tile.ts";

/** Dispatches that are timed together. */
const REPEATS = 8;

/** GPUBufferUsage, whose global Node lacks. */
const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;
const QUERY_RESOLVE = 512;

/** Times matrix products by themselves, on memory of its own. */
export class TileBench {
  readonly #device: Device;
  readonly #buffers: GPUBuffer[] = [];
  readonly #places: GPUBuffer;
  readonly #halves: boolean;
  readonly #group: GPUBindGroup;
  readonly #clock: { queries: GPUQuerySet; resolved: GPUBuffer; readback: GPUBuffer } | undefined;

  /** @param program the largest that is timed; decides how much memory is needed. */
  constructor(device: Device, program: Program) {
    this.#device = device;
    const buffer = (name: string, bytes: number, usage: number): GPUBuffer => {
      const made = device.createBuffer(`tile bench: ${name}`, bytes, usage);
      this.#buffers.push(made);
      return made;
    };
    this.#halves = program.halvesLength > 0;
    const values = arenaLength(program);
    const weights = Math.max(...program.kernels.map(({ kernel }) => weightLength(kernel)));
    const small = buffer("small", 256, USAGE.storage);
    this.#places = buffer("places", 256, USAGE.uniform | USAGE.copyTarget);
    this.#group = device.createBindGroup({
      arena: buffer("arena", bytesIn("arena", values), USAGE.storage),
      halves: buffer("halves", this.#halves ? bytesIn("halves", values) : 16, USAGE.storage),
      student: buffer("weight", 4 * weights, USAGE.storage),
      gradient: buffer("gradient", 4 * weights, USAGE.storage),
      teacher: small,
      velocity: buffer("velocity", 256, USAGE.storage),
      input: small,
      results: buffer("results", 256, USAGE.storage),
      settings: buffer("settings", 256, USAGE.uniform),
      places: this.#places,
    });
    if (device.has("timestamp-query")) {
      this.#clock = {
        queries: device.gpu.createQuerySet({ type: "timestamp", count: 2 }),
        resolved: buffer("time", 16, QUERY_RESOLVE | USAGE.copySource),
        readback: buffer("times read", 16, USAGE.mapRead | USAGE.copyTarget),
      };
    }
  }

  /** Milliseconds of a product cut by a tile; the memory it works on is all zero. */
  async measure(
    kind: ProductKind,
    geometry: ConvGeometry,
    groupSize: number,
    tile: Tile,
  ): Promise<number> {
    const dispatch = dispatchOf(kind, geometry, groupSize, tile, this.#halves);
    const pipeline = await this.#device.pipeline(dispatch.label, dispatch.code);
    this.#device.gpu.queue.writeBuffer(this.#places, 0, new Uint32Array(dispatch.places));
    await this.#time(pipeline, dispatch, 1);
    return this.#time(pipeline, dispatch, REPEATS);
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#clock?.queries.destroy();
  }

  async #time(
    pipeline: GPUComputePipeline,
    { workgroups }: Dispatch,
    repeats: number,
  ): Promise<number> {
    const { gpu, counters } = this.#device;
    const clock = this.#clock;
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass(
      clock && {
        timestampWrites: {
          querySet: clock.queries,
          beginningOfPassWriteIndex: 0,
          endOfPassWriteIndex: 1,
        },
      },
    );
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.#group, [0]);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(...workgroups);
    pass.end();
    counters.dispatches += repeats;
    if (!clock) {
      const started = performance.now();
      this.#device.submit(encoder.finish());
      await this.#device.settled();
      return (performance.now() - started) / repeats;
    }
    encoder.resolveQuerySet(clock.queries, 0, 2, clock.resolved, 0);
    encoder.copyBufferToBuffer(clock.resolved, 0, clock.readback, 0, 16);
    this.#device.submit(encoder.finish());
    counters.maps++;
    // GPUMapMode.READ, whose global Node lacks.
    await clock.readback.mapAsync(1);
    const [begin, end] = new BigUint64Array(clock.readback.getMappedRange());
    const nanoseconds = Number(end! - begin!);
    clock.readback.unmap();
    return nanoseconds / 1e6 / repeats;
  }
}

function weightLength(kernel: Program["kernels"][number]["kernel"]): number {
  return isProduct(kernel) ? weightsOf(kernel.geometry) : 0;
}

function weightsOf(geometry: ConvGeometry): number {
  const { kernelHeight, kernelWidth, channelsIn, channelsOut, groups } = geometry;
  return (kernelHeight * kernelWidth * channelsIn * channelsOut) / groups;
}

/** Input, output and partial sums of any product of the program. */
function arenaLength({ kernels, arenaLength: least }: Program): number {
  const lengths = kernels.map(({ kernel }) => {
    if (!isProduct(kernel)) return 0;
    const { input, output } = sidesOf(kernel.geometry);
    return 2 * (input + output) + 4096;
  });
  return Math.max(least, ...lengths);
}

function sidesOf(geometry: ConvGeometry): { input: number; output: number } {
  const { images, inputHeight, inputWidth, channelsIn } = geometry;
  const { outputHeight, outputWidth, channelsOut } = geometry;
  return {
    input: images * inputHeight * inputWidth * channelsIn,
    output: images * outputHeight * outputWidth * channelsOut,
  };
}

/** The product as a training step has it: with sums, and normalised input where it reads one. */
function dispatchOf(
  kind: ProductKind,
  geometry: ConvGeometry,
  groupSize: number,
  tile: Tile,
  halves: boolean,
): Dispatch {
  const ends = { arena: 0, halves: 0, student: 0, gradient: 0, teacher: 0 };
  const place = (length: number, region: Region = "arena"): Operand => {
    const offset = ends[region];
    ends[region] += Math.ceil(length / 64) * 64;
    return { region, offset, length };
  };
  const { channelsIn, channelsOut } = geometry;
  const sideRegion = (channels: number): Region =>
    halves && (channels / geometry.groups) % 4 === 0 ? "halves" : "arena";
  const groups = geometry.images / groupSize;
  const { input, output } = sidesOf(geometry);
  const x = { values: place(input, sideRegion(channelsIn)), affine: undefined };
  const y = place(output, sideRegion(channelsOut));
  const weight = place(weightsOf(geometry), "student");
  switch (kind) {
    case "convolve": {
      const parts = convolveParts(geometry, tile, groupSize);
      const sums = {
        parts,
        operand: place(groups * parts * 2 * geometry.channelsOut),
        cleanRows: groupSize * geometry.outputHeight * geometry.outputWidth,
      };
      const plain = { bias: undefined, addend: undefined, activation: undefined };
      return convolveDispatch({ kind, geometry, x, weight, y, ...plain, sums }, tile, groupSize);
    }
    case "input-gradient": {
      const parts = inputGradientParts(geometry, tile, groupSize);
      const operand = place(groups * parts * 2 * geometry.channelsIn);
      const sums = { parts, operand, z: x.values };
      const activated = { activation: "relu", from: x } as const;
      const epilogue = { addend: undefined, activated, sums };
      const kernel = { kind, geometry, dy: y, weight, dx: x.values, epilogue };
      return inputGradientDispatch(kernel, tile, groupSize);
    }
    case "filter-gradient": {
      const dw = place(weightsOf(geometry), "gradient");
      const kernel = { kind, geometry, x, dy: y, dw, workspace: undefined, parts: groups };
      return filterGradientDispatch(kernel, tile, groupSize);
    }
    default:
      return kind satisfies never;
  }
}
