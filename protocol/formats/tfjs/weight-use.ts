import type { Parameter, ParameterRole } from "../../model/graph.ts";
import { sizeOf } from "../../model/values.ts";
import { asStored, type Axes } from "./axes.ts";
import type { StoredWeight } from "./manifest.ts";
import { unsupported } from "./unsupported.ts";

/** Which weights a network uses, as what, and the order of their axes that follows. */
export class WeightUse {
  readonly axes = new Map<string, Axes>();
  readonly parameters = new Map<string, Parameter>();
  readonly #stored: ReadonlyMap<string, StoredWeight>;

  constructor(weights: readonly StoredWeight[]) {
    this.#stored = new Map(weights.map((weight) => [weight.name, weight]));
  }

  /** A weight's shape in the file, of so many dimensions. */
  ofRank(name: string, rank: number): readonly number[] {
    const shape = this.#shape(name);
    if (shape.length !== rank) {
      throw unsupported(
        `the weight '${name}' has shape [${shape.join(", ")}], not ${rank} dimensions`,
      );
    }
    return shape;
  }

  /** A weight of one value a channel. */
  vector(name: string, role: ParameterRole): string {
    return this.take(name, role, asStored([sizeOf(this.#shape(name))]));
  }

  take(name: string, role: ParameterRole, axes: Axes): string {
    const other = this.axes.get(name);
    if (other !== undefined && other.order.join() !== axes.order.join()) {
      throw unsupported(`the weight '${name}' is used in two ways`);
    }
    this.axes.set(name, axes);
    this.parameters.set(name, { name, role, shape: axes.shape });
    return name;
  }

  #shape(name: string): readonly number[] {
    const weight = this.#stored.get(name);
    if (weight === undefined) throw unsupported(`the weight '${name}' is missing`);
    return weight.shape;
  }
}
