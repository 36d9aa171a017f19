import {
  type Conv2dOperation,
  type Graph,
  type Parameter,
  type ValueId,
} from "../../../protocol/model/graph.ts";
import { inferShapes } from "../../../protocol/model/infer-shapes.ts";
import type { ValueShape } from "../../../protocol/model/values.ts";
import type { LayoutEntry, StateLayout } from "../../../protocol/model/state-layout.ts";
import { EngineError } from "../engine-error.ts";
import { ArenaBuffer } from "./arena.ts";
import type { CopyRows } from "./kernels/copies.ts";
import { halvesOf } from "./halves.ts";
import type { ConvGeometry } from "./kernels/convolution.ts";
import type { Kernel } from "./kernels/kernels.ts";
import type { Pass, ScheduledKernel } from "./program.ts";
import type { Operand, Precision, Reading } from "./operands.ts";
import type { Tiling } from "./tiling.ts";

export interface BatchShape {
  /** G, images of a norm group. */
  readonly groupSize: number;
  /** P, norm groups of a micro-batch. */
  readonly groups: number;
}

/** Height × width and channels of a value; tokens are a column, features one position. */
export interface Extent {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Collects kernels, and knows shapes and addresses. */
export class ProgramWriter {
  readonly graph: Graph;
  readonly batch: BatchShape;
  /** Images of a norm group that are not copies: its first. */
  readonly cleanImages: number;
  readonly tiling: Tiling;
  readonly images: ArenaBuffer;
  readonly kernels: ScheduledKernel[];
  readonly #layout: StateLayout;
  readonly #precision: Precision;
  readonly #shapes: ReadonlyMap<ValueId, ValueShape>;
  readonly #parameters: ReadonlyMap<string, Parameter>;
  readonly #entries: ReadonlyMap<string, LayoutEntry>;
  readonly #halves: ReadonlySet<ValueId>;

  constructor(
    graph: Graph,
    layout: StateLayout,
    batch: BatchShape,
    tiling: Tiling,
    precision: Precision,
    cleanImages = batch.groupSize,
    kernels: ScheduledKernel[] = [],
  ) {
    this.kernels = kernels;
    this.cleanImages = cleanImages;
    this.#layout = layout;
    this.#precision = precision;
    this.graph = graph;
    this.batch = batch;
    this.tiling = tiling;
    this.#shapes = inferShapes(graph);
    this.#parameters = new Map(graph.parameters.map((parameter) => [parameter.name, parameter]));
    this.#entries = new Map(layout.entries.map((entry) => [entry.name, entry]));
    this.#halves = precision === "f16" ? halvesOf(graph, this.#shapes) : new Set();
    // Written by the host, a value at a time.
    this.images = new ArenaBuffer(this.#lengthOf(graph.input));
  }

  /** A writer of passes over norm groups of so many images and copies, with memory of their own. */
  regrouped({ clean, copies }: Pick<CopyRows, "clean" | "copies">): ProgramWriter {
    const batch = { ...this.batch, groupSize: clean + copies };
    const { graph, tiling, kernels } = this;
    return new ProgramWriter(graph, this.#layout, batch, tiling, this.#precision, clean, kernels);
  }

  /** N */
  get imageCount(): number {
    return this.batch.groupSize * this.batch.groups;
  }

  emit(pass: Pass, kernel: Kernel): void {
    this.kernels.push({ pass, kernel, groupSize: this.batch.groupSize });
  }

  extent(id: ValueId): Extent {
    const shape = this.#shapes.get(id)!;
    switch (shape.length) {
      case 1:
        return { height: 1, width: 1, channels: shape[0] };
      case 2:
        return { height: shape[0], width: 1, channels: shape[1] };
      case 3:
        return { height: shape[0], width: shape[1], channels: shape[2] };
      default:
        return shape satisfies never;
    }
  }

  /** A value of a micro-batch as a map: tokens are a column, features one position. */
  mapExtents(
    id: ValueId,
  ): readonly [images: number, height: number, width: number, channels: number] {
    const { height, width, channels } = this.extent(id);
    return [this.imageCount, height, width, channels];
  }

  /** A value of a micro-batch as the positions of its images. */
  positionExtents(id: ValueId): readonly [images: number, positions: number, channels: number] {
    const { height, width, channels } = this.extent(id);
    return [this.imageCount, height * width, channels];
  }

  /** Positions of a value in all images of a micro-batch. */
  rows(id: ValueId): number {
    const { height, width } = this.extent(id);
    return this.imageCount * height * width;
  }

  /** Positions of a value in one norm group's images, without copies. */
  cleanRows(id: ValueId): number {
    const { height, width } = this.extent(id);
    return this.cleanImages * height * width;
  }

  /**
   * Memory for a value of the whole micro-batch.
   *
   * @param from the convolution's output, where its kernel gives another value straight away.
   */
  activation(id: ValueId, from = id): ArenaBuffer {
    const halves = this.#halves.has(id) && this.#halves.has(from);
    return new ArenaBuffer(this.#lengthOf(id), halves ? "halves" : "arena");
  }

  /** Memory that lives for one kernel. */
  workspace(length: number): ArenaBuffer {
    return new ArenaBuffer(length);
  }

  /** Memory `[P, vectors, C]`. */
  perGroup(vectors: number, channels: number): ArenaBuffer {
    return new ArenaBuffer(this.batch.groups * vectors * channels);
  }

  /** The student's parameter. */
  parameter(name: string): Operand {
    const { offset, size } = this.#entry(name);
    return { region: "student", offset, length: size };
  }

  /** Gradient of the student's parameter. */
  gradient(name: string): Operand {
    const { offset, size } = this.#entry(name);
    return { region: "gradient", offset, length: size };
  }

  /** Of a parameter, as the state vector has it. */
  shapeOf(name: string): readonly number[] {
    return this.#parameters.get(name)!.shape;
  }

  geometry(operation: Conv2dOperation): ConvGeometry {
    const { input, output, weight, stride, padding, dilation, groups } = operation;
    const from = this.extent(input);
    const to = this.extent(output);
    const [, , kernelHeight, kernelWidth] = this.shapeOf(weight);
    return {
      images: this.imageCount,
      inputHeight: from.height,
      inputWidth: from.width,
      channelsIn: from.channels,
      outputHeight: to.height,
      outputWidth: to.width,
      channelsOut: to.channels,
      kernelHeight: kernelHeight!,
      kernelWidth: kernelWidth!,
      stride,
      padding: [padding.top, padding.left],
      dilation,
      groups,
      weightOrder: "in-out",
    };
  }

  #lengthOf(id: ValueId): number {
    return this.rows(id) * this.extent(id).channels;
  }

  #entry(name: string): LayoutEntry {
    const entry = this.#entries.get(name);
    if (!entry) throw new EngineError("invalid-input", `the layout has no tensor '${name}'`);
    return entry;
  }
}

/** A value read as it is stored. */
export function stored(values: Operand): Reading {
  return { values, affine: undefined };
}
