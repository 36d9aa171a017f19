import type { StateLayout } from "../../protocol/model/state-layout.ts";
import { EngineError } from "./engine-error.ts";

/** What keeps a distillation step from the way back to the teacher's backdoor. */
export interface RegulariserSettings {
  /** Descends by the gradient at weights nearby where the loss is larger; at θ when left out. */
  readonly sharpness?: SharpnessSettings | undefined;
  /** Turns linear layers away from the teacher's; not when left out. */
  readonly headShift?: HeadShiftSettings | undefined;
}

/**
 * Sharpness-aware steps in their adaptive form (FT-SAM; Zhu et al., ICCV 2023): the gradient that a
 * step descends by is taken at θ + ε instead of θ,
 *
 *     ε = ρ · T²g / ‖T·g‖,   T = |θ| for each value,
 *
 * g being the gradient of the step's whole loss at θ: where, of all changes with ‖ε/θ‖ ≤ ρ, the loss
 * grows most to first order (Foret et al. 2021; Kwon et al. 2021, there with T + η, which the paper's
 * release leaves out). Over all trainable values; where T·g is 0, ε is.
 *
 * Both passes have the same images, teacher's answers and perturbed copies. Running statistics
 * advance by the first, at θ, and a step's results are the first's: both are of the student that
 * there is, as in the paper's release. A free adversary (`ascents` 0) ascends once, after the second
 * pass and by its gradient, so that δ moves on the same loss at the same weights as the student.
 * Weight decay is of θ.
 */
interface SharpnessSettings {
  /** ρ, relative to θ: its length over all values is that of the ratios ε/θ. */
  readonly rho: number;
}

/**
 * Head shift (FST; Min et al., NeurIPS 2023, equation 2): the loss has `weight`·⟨w, w_teacher⟩ beside
 * its divergence, w the weight of a linear layer, and after every SGD step w is scaled to
 * ‖w‖ = ‖w_teacher‖: the layer turns away from the teacher's and cannot do so by growing. Of several
 * linear layers each is taken by itself; biases are free. A w of zero stays.
 *
 * The term is in the gradient, not in the loss that results tell.
 */
interface HeadShiftSettings {
  /** α */
  readonly weight: number;
}

export type RegulariserName = keyof RegulariserSettings;

/** How a regulariser takes part in a step, for every machine. */
interface Regulariser<Settings> {
  /** For people. */
  readonly title: string;
  /** The numbers in its settings, each from 0 on. */
  readonly numbers: readonly (keyof Settings & string)[];
  /** @throws EngineError `invalid-input` for a model that it is not made for. */
  readonly checkModel?: (layout: StateLayout) => void;
  /** What it does, place by place, each by a name that every machine knows. */
  readonly ends: Partial<Record<RegulariserPlace, string>>;
}

/**
 * Where in a step a regulariser acts.
 *
 * - `gradient`: after every pass that gives the gradient by the weights; adds to it.
 * - `elsewhere`: after the first such pass; leaves θ, which the machine keeps, for weights where a
 *   second pass takes the gradient that the step descends by. Of a step's regularisers one may.
 * - `weights`: after the optimiser; corrects what it made.
 */
export type RegulariserPlace = "gradient" | "elsewhere" | "weights";

/** All there are, in the order in which they act. */
const REGULARISERS = {
  sharpness: {
    title: "sharpness",
    numbers: ["rho"],
    ends: { elsewhere: "climb" },
  },
  headShift: {
    title: "head shift",
    numbers: ["weight"],
    checkModel: ({ entries }: StateLayout): void => {
      if (entries.some(({ role }) => role === "linear-weight")) return;
      throw new EngineError(
        "invalid-input",
        "a head shift needs a linear layer, and this model has none; leave it out",
      );
    },
    ends: { gradient: "shift-heads", weights: "bound-heads" },
  },
} as const satisfies {
  readonly [Name in RegulariserName]-?: Regulariser<NonNullable<RegulariserSettings[Name]>>;
};

/** In the order of the table. */
export const REGULARISER_NAMES = Object.keys(REGULARISERS) as readonly RegulariserName[];

type EndsOf<Name extends RegulariserName> = (typeof REGULARISERS)[Name]["ends"];

/** What any of them does in a step. */
export type RegulariserEnd = {
  [Name in RegulariserName]: EndsOf<Name>[keyof EndsOf<Name>];
}[RegulariserName];

/** Those that settings ask for, in the order of the table. */
export function regularisersIn(settings: RegulariserSettings): readonly RegulariserName[] {
  return REGULARISER_NAMES.filter((name) => settings[name] !== undefined);
}

/** The table's entry, as all entries are. */
export function regulariser(name: RegulariserName): Regulariser<Record<string, number>> & {
  readonly ends: Partial<Record<RegulariserPlace, RegulariserEnd>>;
} {
  return REGULARISERS[name];
}

/** A regulariser's numbers in the order of the table; 0 where settings leave it out. */
export function numbersIn(
  settings: RegulariserSettings,
  name: RegulariserName,
): readonly { readonly name: string; readonly value: number }[] {
  const own = settings[name] as Readonly<Record<string, number>> | undefined;
  return regulariser(name).numbers.map((number) => ({ name: number, value: own?.[number] ?? 0 }));
}
