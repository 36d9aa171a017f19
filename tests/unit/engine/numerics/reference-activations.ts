import type { Activation } from "../../../../protocol/model/graph.ts";

/** An activation by its definition, for what engines make of it to be compared with. */
export interface ReferenceActivation {
  value(x: number): number;
  /** By what goes in, not by what comes out. */
  derivative(x: number): number;
  /** Where the derivative jumps: rounding may decide its side. */
  readonly kinks: readonly number[];
}

/** He et al. 2015, and no gradient at 0. */
const relu: ReferenceActivation = {
  value: (x) => Math.max(0, x),
  derivative: (x) => (x > 0 ? 1 : 0),
  kinks: [0],
};

export const REFERENCE_ACTIVATIONS: Readonly<Record<Activation, ReferenceActivation>> = { relu };
