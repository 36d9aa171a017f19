import {
  operationInputs,
  type Graph,
  type Operation,
  type ParameterRole,
} from "../../model/graph.ts";
import { shapeOf } from "../../model/operation-shapes.ts";
import { channelsOf, isSame, type Fail } from "../../model/operations/operation-shape.ts";
import type { ImageShape, Parameter } from "../../model/graph.ts";
import { sizeOf, type ValueId, type ValueShape } from "../../model/values.ts";
import {
  dimsOf,
  isSameDim,
  isSameLayout,
  isWhole,
  joined,
  whole,
  withAtoms,
  type Layout,
} from "./layout.ts";
import { activationOf } from "./pointwise.ts";
import type { Computed, Normalised, Pending, Stored } from "./symbols.ts";
import type { OnnxTensor } from "./tensor-proto.ts";

/** `Omit` of each member of a union. */
type Without<T, Key extends string> = T extends unknown ? Omit<T, Key> : never;

/** An operation before its output has a name of its own. */
export type Unnamed = Without<Operation, "output">;

/** A parameter of the network, and the tensor in which its values lie. */
export interface FileParameter extends Parameter {
  readonly tensor: OnnxTensor;
  /** Whether the file's rows are the parameter's columns. */
  readonly isTransposed: boolean;
}

/** The network as it grows, operation by operation. */
export class Network {
  /** Images in one run, where the file leaves that open: a prime, so that it is told from all else. */
  readonly batch: number;
  readonly #operations = new Map<ValueId, Operation>();
  readonly #parameters = new Map<string, FileParameter>();
  readonly #shapes = new Map<ValueId, ValueShape>();
  #image: ValueId | undefined;
  #normalised: Normalised | undefined | "unread" = "unread";
  readonly #settled = new Map<Pending, { readonly id: ValueId; readonly shape: ValueShape }>();

  constructor(batch: number) {
    this.batch = batch;
  }

  /** The images, in the file's order of axes. */
  image(name: string, { height, width, channels }: ImageShape, isChannelsLast: boolean): Computed {
    const shape: ValueShape = [height, width, channels];
    this.#shapes.set(name, shape);
    this.#image = name;
    const layout = isChannelsLast ? this.channelsLast(shape) : this.channelsFirst(shape);
    return { kind: "computed", name, id: name, shape, layout };
  }

  /** `[N, C, H, W]`, `[N, C, T]` or `[N, C]`. */
  channelsFirst(shape: ValueShape): Layout {
    const [batch, ...others] = this.channelsLast(shape);
    return [batch!, others.at(-1)!, ...others.slice(0, -1)];
  }

  /** `[N, H, W, C]`, `[N, T, C]` or `[N, C]`. */
  channelsLast(shape: ValueShape): Layout {
    const batch = whole("batch", this.batch);
    const channels = whole("channel", channelsOf(shape));
    switch (shape.length) {
      case 3:
        return [
          batch,
          whole("position", shape[0], shape[1]),
          whole("position", shape[1]),
          channels,
        ];
      case 2:
        return [batch, whole("position", shape[0]), channels];
      case 1:
        return [batch, channels];
      default:
        return shape satisfies never;
    }
  }

  isImage({ id, pending }: Computed): boolean {
    return id === this.#image && pending === undefined;
  }

  /** What the file does to the channels of its images before all else. */
  get normalised(): Normalised | undefined {
    return this.#normalised === "unread" ? undefined : this.#normalised;
  }

  /** The operation that gives a value; undefined of the images. */
  producer(id: ValueId): Operation | undefined {
    return this.#operations.get(id);
  }

  /** Adds an operation; its output is called `name`, or nearly so. */
  add(operation: Unnamed, name: string, fail: Fail): { id: ValueId; shape: ValueShape } {
    let id = name;
    for (let again = 2; this.#shapes.has(id); again++) id = `${name}~${again}`;
    const named = { ...operation, output: id } as Operation;
    const known = shapeOf(named);
    const inputs = operationInputs(named).map((input) => this.#shapes.get(input)!);
    const used = known.parameters(named).map((need) => {
      const { shape } = this.#parameters.get(need.name)!;
      if (need.rank !== undefined && shape.length !== need.rank) {
        throw fail(
          `'${need.name}' is [${shape.join(", ")}], and ${need.rank} dimensions are needed`,
        );
      }
      return shape;
    });
    const shape = known.output(named, inputs, used, fail);
    this.#operations.set(id, named);
    this.#shapes.set(id, shape);
    return { id, shape };
  }

  /** Adds an operation and gives its output, channels first unless said otherwise. */
  value(operation: Unnamed, name: string, fail: Fail, layout?: Layout): Computed {
    const { id, shape } = this.add(operation, name, fail);
    return { kind: "computed", name, id, shape, layout: layout ?? this.channelsFirst(shape) };
  }

  /**
   * A tensor as a parameter, in the shape in which an operation takes it: the file's, or another of the
   * same values in the same order.
   */
  parameter(
    { tensor, isTransposed }: Stored,
    role: ParameterRole,
    shape: readonly number[],
    fail: Fail,
  ): string {
    const { name } = tensor;
    if (sizeOf(shape) !== sizeOf(tensor.dims)) {
      throw fail(`'${name}' is [${tensor.dims.join(", ")}], and [${shape.join(", ")}] is needed`);
    }
    const known = this.#parameters.get(name);
    if (known !== undefined && !isSameTensor(known.tensor, tensor)) {
      throw fail(
        `'${name}' is another tensor here than before (a branch has one of its own): rename one of them`,
      );
    }
    if (
      known !== undefined &&
      (known.isTransposed !== isTransposed || known.shape.join() !== shape.join())
    ) {
      throw fail(
        `'${name}' is used here in another shape than before, and can only be trained as one`,
      );
    }
    if (known === undefined)
      this.#parameters.set(name, { name, role, shape, tensor, isTransposed });
    return name;
  }

  /** The value after all that was yet to become of it. */
  settled(value: Computed, fail: Fail): Computed {
    if (value.padding !== undefined) {
      throw fail(`'${value.name}' is padded, which only a convolution or a mean may read`);
    }
    const { normalised, pending, ...rest } = value;
    if (rest.id === this.#image) this.#reads(normalised, fail);
    if (pending === undefined) return rest;
    let made = this.#settled.get(pending);
    if (made === undefined) {
      made = this.#settle(value, pending, fail);
      this.#settled.set(pending, made);
    }
    return { ...rest, ...made };
  }

  /** All that read the images see them alike. */
  #reads(normalised: Normalised | undefined, fail: Fail): void {
    const known = this.#normalised;
    if (known === "unread") this.#normalised = normalised;
    else if (JSON.stringify(known) !== JSON.stringify(normalised)) {
      throw fail("the network reads its images both normalised and as they are");
    }
  }

  #settle({ id, name, shape }: Computed, pending: Pending, fail: Fail) {
    const activation = activationOf(pending.compute);
    if (activation === "identity") return { id, shape };
    if (activation !== undefined) {
      return this.add({ kind: "activation", activation, input: id }, name, fail);
    }
    if (pending.last?.of.pending !== undefined) {
      const alone = activationOf(pending.last.compute);
      const before = alone && this.settled(pending.last.of, fail);
      if (alone === "identity") return before!;
      if (alone)
        return this.add({ kind: "activation", activation: alone, input: before!.id }, name, fail);
    }
    if (pending.joins === undefined) {
      throw fail(
        `'${name}' is a function of each value that Scour has not: it has ReLU, ReLU6, leaky ReLU, ELU, sigmoid, tanh, SiLU, hard sigmoid, hard swish and GELU`,
      );
    }
    const { kind, of } = pending.joins;
    return this.join(kind, of, name, fail);
  }

  /** Sum or product of two values, one of which may be one a channel. */
  join(
    kind: "add" | "multiply",
    [one, other]: readonly [Computed, Computed],
    name: string,
    fail: Fail,
  ): Computed {
    let [a, b] = [this.settled(one, fail), this.settled(other, fail)];
    if (sizeOf(a.shape) < sizeOf(b.shape)) [a, b] = [b, a];
    const rank = Math.max(a.layout.length, b.layout.length);
    const wide = aligned(a.layout, rank);
    const spread = withAtoms(wide, ({ axis }) => axis !== "position");
    const layout = aligned(b.layout, rank);
    if (!isSameLayout(layout, wide) && !isSameLayout(layout, spread)) {
      throw fail(
        `it joins [${dimsOf(a.layout).join(", ")}] and [${dimsOf(b.layout).join(", ")}] otherwise than value by value or channel by channel`,
      );
    }
    if (a.shape.length === 3 && b.shape.length === 2 && isSameLayout(layout, wide)) {
      a = this.tokens(a, fail);
    } else if (a.shape.length === 2 && b.shape.length === 3) b = this.tokens(b, fail);
    return this.value({ kind, inputs: [a.id, b.id] }, name, fail, wide);
  }

  /** A map, channels before rows before columns. */
  map(value: Computed, fail: Fail): Computed {
    const { padding, ...bare } = value;
    const settled = this.settled(bare, fail);
    const { id, layout, name, shape } = settled;
    if (shape.length === 3 && isSameLayout(layout, this.channelsFirst(shape))) {
      return { ...settled, ...(padding && { padding }) };
    }
    const groups = shuffledGroups(layout, this.channelsFirst(shape));
    if (shape.length === 3 && groups !== undefined) {
      return this.value({ kind: "shuffle-channels", input: id, groups }, `${name}/shuffled`, fail);
    }
    const pooled = this.producer(id);
    if (
      shape.length === 1 &&
      pooled?.kind === "global-average-pool" &&
      isSameLayout(layout, this.channelsFirst([1, 1, shape[0]]))
    ) {
      const { input } = pooled;
      return this.value({ kind: "adaptive-average-pool", input, size: [1, 1] }, name, fail);
    }
    throw fail(
      `it reads '${name}' as [${dimsOf(layout).join(", ")}], which is no map with its channels before rows and columns`,
    );
  }

  /** One row of values an image. */
  features(value: Computed, fail: Fail): Computed {
    const settled = this.settled(value, fail);
    const { id, name, shape } = settled;
    // Of one image at a time, what has lost the axis of images (`squeeze()`) is still its row.
    const isBare = this.batch === 1 && settled.layout.length === 1;
    const [batch, ...others] = isBare ? [[], ...settled.layout] : settled.layout;
    const atoms = joined(others.flat());
    const channels = whole("channel", channelsOf(shape));
    const positions = whole("position", sizeOf(shape) / channelsOf(shape));
    const isFirst = isSameLayout([atoms], [[...channels, ...positions]]);
    const isLast = isSameLayout([atoms], [[...positions, ...channels]]);
    if (!isWhole(batch, "batch", this.batch) || (!isFirst && !isLast))
      throw this.#unordered(settled, fail);
    switch (shape.length) {
      case 1:
        return { ...settled, layout: this.channelsFirst(shape) };
      case 2:
        if (shape[0] !== 1) throw fail(`it reads the ${shape[0]} tokens of '${name}' as one row`);
        return this.value({ kind: "take-token", input: id, index: 0 }, `${name}/features`, fail);
      case 3: {
        const pooled = this.producer(id);
        if (pooled?.kind === "adaptive-average-pool" && sizeOf(pooled.size) === 1) {
          return this.value({ kind: "global-average-pool", input: pooled.input }, name, fail);
        }
        const order = isFirst ? "channels-first" : "channels-last";
        return this.value({ kind: "flatten", input: id, order }, `${name}/features`, fail);
      }
      default:
        return shape satisfies never;
    }
  }

  /** Tokens: a map's positions row by row. */
  tokens(value: Computed, fail: Fail): Computed {
    const settled = this.settled(value, fail);
    if (settled.shape.length === 2) return settled;
    if (settled.shape.length === 1) throw fail(`it reads features, and needs tokens`);
    const { id, layout, name } = settled;
    return this.value({ kind: "to-tokens", input: id }, `${name}/tokens`, fail, layout);
  }

  /** Whether every axis of a value stands in its layout once, whatever their order. */
  #unordered({ layout, name }: Computed, fail: Fail) {
    return fail(
      `it reads '${name}' as [${dimsOf(layout).join(", ")}] in an order that Scour has no operation for`,
    );
  }

  /** The network without what leads nowhere, and its parameters in the order of their tensors. */
  finish(
    { id: output, shape }: Computed,
    input: { readonly id: ValueId; readonly shape: ImageShape },
    order: ReadonlyMap<string, number>,
  ): { readonly graph: Graph; readonly parameters: readonly FileParameter[] } {
    const needed = new Set([output]);
    const operations: Operation[] = [];
    for (const operation of [...this.#operations.values()].toReversed()) {
      if (!needed.has(operation.output)) continue;
      operations.push(operation);
      for (const id of operationInputs(operation)) needed.add(id);
    }
    operations.reverse();
    const used = new Set(
      operations
        .flatMap((operation) => shapeOf(operation).parameters(operation))
        .map(({ name }) => name),
    );
    const parameters = [...this.#parameters.values()]
      .filter(({ name }) => used.has(name))
      .sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
    const graph: Graph = {
      architecture: `onnx-${input.shape.height}`,
      input: input.id,
      inputShape: input.shape,
      output,
      classes: channelsOf(shape),
      operations,
      parameters: parameters.map(({ name, role, shape: own }) => ({ name, role, shape: own })),
    };
    return { graph, parameters };
  }
}

/** Whether two tensors of a name are one: a node that is gone through again reads it anew. */
function isSameTensor(one: OnnxTensor, other: OnnxTensor): boolean {
  if (one === other) return true;
  const [a, b] = [one.floats, other.floats];
  return a !== undefined && a.begin === b?.begin && a.file === b.file;
}

/** A layout with dimensions of 1 before it. */
function aligned(layout: Layout, rank: number): Layout {
  return [...Array.from({ length: rank - layout.length }, () => []), ...layout];
}

/**
 * Groups of a map whose channels are shuffled as in ShuffleNet, `[groups, C/groups]` → `[C/groups, groups]`.
 *
 * @param ordered the layout of the map if they were not
 */
function shuffledGroups(layout: Layout, ordered: Layout): number | undefined {
  const [outer, inner, ...more] = layout[1] ?? [];
  if (outer === undefined || inner === undefined || more.length > 0) return undefined;
  const isTurned = outer.axis === "channel" && inner.axis === "channel" && outer.stride === 1;
  const isElse = layout.some((dim, i) => i !== 1 && !isSameDim(dim, ordered[i] ?? []));
  return isTurned && !isElse && inner.stride === outer.size ? inner.size : undefined;
}

/** Whether two computed values are of one value of the network, dimension by dimension. */
export function isSameBase(one: Computed, other: Computed): boolean {
  return (
    one.id === other.id && isSame(one.shape, other.shape) && isSameLayout(one.layout, other.layout)
  );
}
