import type { Sides, ValueId, ValueShape } from "../../model/values.ts";
import type { Constant } from "./constants.ts";
import type { Layout } from "./layout.ts";
import type { Pointwise } from "./pointwise.ts";
import type { OnnxTensor } from "./tensor-proto.ts";

/** What a name of the file stands for while its network is drawn. */
export type Symbol = Constant | Stored | Computed | Moment | Attending | Sequence;

/** A tensor of the file: a parameter, where an operation takes it. */
export interface Stored {
  readonly kind: "stored";
  readonly tensor: OnnxTensor;
  /** The file's shape, or another of the same values in the same order. */
  readonly dims: readonly number[];
  /** Whether rows and columns are swapped: `dims` are then those of what is swapped. */
  readonly isTransposed: boolean;
}

/** A value of Scour's network, as the file sees it. */
export interface Computed {
  readonly kind: "computed";
  /** What the file calls it. */
  readonly name: string;
  readonly id: ValueId;
  readonly shape: ValueShape;
  readonly layout: Layout;
  /** What is yet to become of each of its values. */
  readonly pending?: Pending;
  /** Of the images: what the file itself does to their channels before its network. */
  readonly normalised?: Normalised;
  /** Zeros that are yet to be put around the map. */
  readonly padding?: Sides;
}

/** `factor·x + summand`, channel by channel. */
export interface Normalised {
  readonly factors: readonly number[];
  readonly summands: readonly number[];
}

/** Operations that are followed as one function of each value (pointwise.ts). */
export interface Pending {
  readonly compute: Pointwise;
  /** How many operations it is made of. */
  readonly steps: number;
  /** The last one by itself, and what it is done to: where both together are no activation. */
  readonly last?: { readonly compute: Pointwise; readonly of: Computed };
  /** What its last one joins, where that may also be two values of the network. */
  readonly joins?: {
    readonly kind: "add" | "multiply";
    readonly of: readonly [Computed, Computed];
  };
}

/** A step of a layer norm that is written out: mean and variance of `of` over its channels. */
export interface Moment {
  readonly kind: "moment";
  readonly step: "mean" | "centred" | "squares" | "variance" | "deviation" | "reciprocal";
  readonly of: Computed;
  readonly epsilon: number;
}

/** A step of attention that is written out, before it meets the values. */
export interface Attending {
  readonly kind: "attending";
  readonly step: "scores" | "weights";
  readonly query: Computed;
  readonly key: Computed;
  /** What Q·Kᵀ is multiplied by. */
  readonly factor: number;
}

/** Numbers that loops of the file collect. */
export interface Sequence {
  readonly kind: "sequence";
  readonly items: readonly Constant[];
}

/** What a symbol is, for messages. */
export function symbolName(symbol: Symbol): string {
  switch (symbol.kind) {
    case "constant":
      return `a constant of shape [${symbol.dims.join(", ")}]`;
    case "stored":
      return `the tensor '${symbol.tensor.name}' (${symbol.tensor.dtype})`;
    case "computed":
      return `the value '${symbol.name}'`;
    case "moment":
      return `the ${symbol.step} of '${symbol.of.name}' over its channels`;
    case "attending":
      return `the ${symbol.step} of attention`;
    case "sequence":
      return "a sequence";
    default:
      return symbol satisfies never;
  }
}
