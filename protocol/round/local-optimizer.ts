import { z } from "zod";
import type { Graph } from "../model/graph.ts";

/** What a participant's steps are taken by (SPEC D3). */
const optimizerSchema = z.enum(["sgd", "adamw"]);

type LocalOptimizerName = z.output<typeof optimizerSchema>;

/**
 * What holds where a campaign leaves it out. SGD's were tuned on ResNet-18 of width 16 (docs/RESULTS);
 * AdamW's are what fine-tuning transformers usually takes, tuned on nothing.
 */
export const OPTIMIZER_DEFAULTS = {
  sgd: { learningRate: 0.03, weightDecay: 5e-4 },
  adamw: { learningRate: 5e-4, weightDecay: 0.01 },
} as const satisfies Record<LocalOptimizerName, object>;

/** Share of the old in AdamW's mean of squares. */
export const SECOND_MOMENTUM = 0.999;

/** Members of a campaign's distillation. */
export const optimizerFields = {
  /** Left out: what the model's family is trained with. */
  optimizer: optimizerSchema.optional(),
  /** Peak of the cosine schedule; left out: the optimiser's own. */
  learningRate: z.number().positive().max(10).optional(),
  /** Of a leg's steps, those over which the learning rate rises to its schedule. */
  warmUp: z.number().min(0).max(1).default(0),
  /** Of the gradients: SGD's velocity, AdamW's β₁. */
  momentum: z.number().min(0).lt(1).default(0.9),
  /** AdamW's β₂. */
  secondMomentum: z.number().min(0).lt(1).optional(),
  /** Left out: the optimiser's own. */
  weightDecay: z.number().min(0).max(1).optional(),
};

const optimizerSettingsSchema = z.strictObject(optimizerFields);

/** What a campaign says of its participants' optimiser. */
type OptimizerSettings = z.output<typeof optimizerSettingsSchema>;

/** A participant's optimiser, complete. */
export interface LocalOptimizer {
  readonly optimizer: LocalOptimizerName;
  readonly learningRate: number;
  readonly warmUp: number;
  readonly momentum: number;
  /** Of `adamw` alone. */
  readonly secondMomentum?: number | undefined;
  readonly weightDecay: number;
}

/**
 * What a family is trained with: networks that normalise every position by itself (transformers,
 * ConvNeXt) do not train well by SGD.
 */
export function usualOptimizer({ operations }: Graph): LocalOptimizerName {
  return operations.some(({ kind }) => kind === "layer-norm") ? "adamw" : "sgd";
}

/**
 * A campaign's optimiser with all that it leaves out.
 *
 * @param usual where the campaign names none: it was made when there was SGD alone, or the family's
 */
export function localOptimizer(
  settings: OptimizerSettings,
  usual: LocalOptimizerName = "sgd",
): LocalOptimizer {
  const { optimizer = usual } = settings;
  const defaults = OPTIMIZER_DEFAULTS[optimizer];
  return {
    optimizer,
    learningRate: settings.learningRate ?? defaults.learningRate,
    warmUp: settings.warmUp,
    momentum: settings.momentum,
    secondMomentum:
      optimizer === "adamw" ? (settings.secondMomentum ?? SECOND_MOMENTUM) : undefined,
    weightDecay: settings.weightDecay ?? defaults.weightDecay,
  };
}

/** Why a campaign cannot have its optimiser; nothing if it can. */
export function unfitOptimizer(
  { optimizer, secondMomentum }: OptimizerSettings,
  localSteps: number,
): { readonly setting: "optimizer" | "secondMomentum"; readonly message: string } | undefined {
  if (optimizer === "adamw" && localSteps === 1) {
    return {
      setting: "optimizer",
      message:
        "AdamW needs at least 2 local steps: with 1 participants send gradients and it is the " +
        "coordinator that takes the step; take sgd, or a server optimiser of its own",
    };
  }
  if (optimizer === "sgd" && secondMomentum !== undefined) {
    return { setting: "secondMomentum", message: "only AdamW has a momentum of squares" };
  }
  return undefined;
}
