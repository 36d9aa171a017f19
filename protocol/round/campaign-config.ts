import { z } from "zod";
import { networkSettingsSchema } from "../model/network-settings.ts";
import { reinitStrategySchema, type ReinitStrategy } from "../reinit/strategy-schema.ts";
import { updateCodecSchema } from "../update/update-codec.ts";
import { adversarySchema } from "./adversary.ts";
import { aggregationRuleSchema, mixingSchema } from "./aggregation-rule.ts";
import { trialSettingsSchema } from "./trial/trial-settings.ts";
import { augmentationSchema } from "./augmentation.ts";
import { fitSettingsSchema } from "./fit.ts";
import { digestSchema, nameSchema, sourceSchema } from "./identifiers.ts";
import { judgingSchema } from "./judging.ts";
import { optimizerFields, unfitOptimizer } from "./local-optimizer.ts";
import { preprocessingSchema } from "./preprocessing.ts";
import { privacySchema, unfitForPrivacy } from "./privacy.ts";
import { regulariserFields, unfitRegulariser } from "./regularisers.ts";

const reinitSchema = z
  .strictObject({
    /** Left out: `layerwise`. */
    strategy: reinitStrategySchema.optional(),
    /**
     * Multiplies every ratio; the product is capped at 1. `auto`: probes decide (SPEC J5). Left out
     * without a strategy it is 0: the student begins as its teacher; with one it is 1.
     */
    strength: z.union([z.number().min(0).max(100), z.literal("auto")]).optional(),
    /** 32 bytes in hexadecimal; drawn by the coordinator when left out. */
    seed: z
      .string()
      .regex(/^[0-9a-f]{64}$/, "must be 32 bytes in lower-case hexadecimal")
      .optional(),
  })
  .transform(({ strategy, strength, ...rest }) => ({
    strategy: strategy ?? ({ kind: "layerwise" } satisfies ReinitStrategy),
    strength: strength ?? (strategy === undefined ? 0 : 1),
    ...rest,
  }));

const distillationSchema = z
  .strictObject({
    rounds: z.int().min(1).max(10_000).default(12),
    /** Steps a participant takes a round; 1 sends the gradient itself (SPEC D4). */
    localSteps: z.int().min(1).max(10_000).default(20),
    /** Images a step. Batch-norm statistics need at least 2. */
    batchSize: z.int().min(2).max(4096).default(64),
    /** Images that share batch-norm statistics in training (SPEC D7); default the whole batch. */
    normGroupSize: z.int().min(2).max(4096).optional(),
    ...optimizerFields,
    temperature: z
      .strictObject({
        from: z.number().positive().max(100).default(1),
        to: z.number().positive().max(100).default(4),
      })
      .prefault({}),
    augmentation: augmentationSchema.prefault({}),
    /** Adversarial consistency; `null` for plain distillation. */
    adversary: adversarySchema.nullable().prefault({}),
    ...regulariserFields,
  })
  .refine(({ batchSize, normGroupSize: group }) => group === undefined || batchSize % group === 0, {
    message: "normGroupSize must divide batchSize",
    path: ["normGroupSize"],
  })
  .superRefine((distillation, context) => {
    const { localSteps } = distillation;
    const optimizer = unfitOptimizer(distillation, localSteps);
    if (optimizer) {
      context.addIssue({ code: "custom", message: optimizer.message, path: [optimizer.setting] });
    }
    const unfit = unfitRegulariser(distillation, localSteps);
    if (!unfit) return;
    const { regulariser, message } = unfit;
    context.addIssue({ code: "custom", message, path: [regulariser] });
  });

const roundPolicySchema = z
  .strictObject({
    /** Accepted updates that end a round. */
    goal: z.int().min(1).max(10_000).default(4),
    /** Fewer accepted updates at the deadline make the round void; default half the goal. */
    minimum: z.int().min(1).max(10_000).optional(),
    /** Assignments handed out at once, as a multiple of the goal. */
    overSelection: z.number().min(1).max(10).default(1.5),
    /** From the first assignment of a round to its end. */
    deadlineSeconds: z.number().min(1).max(86_400).default(900),
    /** Void attempts in a row after which the campaign pauses itself and says so. */
    maxAttempts: z.int().min(1).max(1000).default(5),
  })
  .refine((policy) => policy.minimum === undefined || policy.minimum <= policy.goal, {
    message: "minimum must not exceed goal",
    path: ["minimum"],
  });

/** Short trials from which `strength: "auto"` chooses (SPEC J5). */
const probesSchema = z.strictObject({
  strengths: z
    .array(z.number().min(0).max(100))
    .min(2)
    .max(8)
    .refine((strengths) => new Set(strengths).size === strengths.length, {
      message: "must differ from one another",
    })
    .default([0, 1, 2]),
  /** Training rounds of each. */
  rounds: z.int().min(1).max(1000).default(4),
});

/**
 * Server optimisers of Reddi et al. 2021 ('Adaptive Federated Optimization', algorithm 2).
 * The mean update Δ is a descent direction: θ ← θ − η·f(Δ).
 */
const serverOptimizerSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("sgd"),
    learningRate: z.number().positive().max(100).default(1),
    momentum: z.number().min(0).lt(1).default(0),
  }),
  z.strictObject({
    kind: z.literal("adam"),
    learningRate: z.number().positive().max(100).default(0.01),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.99),
    tau: z.number().positive().default(1e-3),
  }),
  z.strictObject({
    kind: z.literal("yogi"),
    learningRate: z.number().positive().max(100).default(0.01),
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(0.99),
    tau: z.number().positive().default(1e-3),
  }),
]);

/** Most updates a round that robust rules compare with one another, or value by value (SPEC O7). */
const MOST_FOR_ROBUST_RULES = 32;

const COMPARES_NOTHING = new Set(["mean", "median-clipped-mean", "norm-clipped-mean"]);

const campaignFieldsSchema = z.strictObject({
  name: nameSchema.default("unnamed campaign"),
  /** Digest of the teacher's file, uploaded before. */
  model: digestSchema,
  /** What the file was called, or where it was fetched. */
  source: sourceSchema.optional(),
  /** What the file's tensors do not tell of the network; the coordinator fills in what is usual. */
  network: networkSettingsSchema.prefault({}),
  /** How pictures become what the model reads, as far as its family's default is not meant. */
  preprocessing: preprocessingSchema.prefault({}),
  /** Whether participants' pictures fit the teacher (SPEC F); `null`: it is not looked at. */
  fit: fitSettingsSchema.nullable().prefault({}),
  reinit: reinitSchema.prefault({}),
  distillation: distillationSchema.prefault({}),
  judging: judgingSchema.prefault({}),
  probes: probesSchema.prefault({}),
  /** Whether participants try what a round came to before it is the student (SPEC K); `null`: they do not. */
  trial: trialSettingsSchema.nullable().default(null),
  round: roundPolicySchema.prefault({}),
  aggregation: z
    .strictObject({
      rule: aggregationRuleSchema.default({ kind: "median-clipped-mean" }),
      /** f: invites that may be in hostile hands; what robust rules are made to bear (SPEC O9). */
      hostile: z.int().min(0).max(1000).default(1),
      mixing: mixingSchema.default({ kind: "none" }),
      server: serverOptimizerSchema.prefault({ kind: "sgd" }),
      /** Most examples an update is weighted with; default localSteps·batchSize. */
      exampleCap: z.int().min(1).optional(),
    })
    .refine(({ rule, mixing }) => rule.kind !== "fltrust" || mixing.kind === "none", {
      message:
        "must be none where the rule is fltrust: the trusted participant is not mixed with others",
      path: ["mixing"],
    })
    .refine(
      ({ rule, server }) =>
        rule.kind !== "centred-clipping" ||
        (server.kind === "sgd" && server.learningRate === 1 && server.momentum === 0),
      {
        message:
          "must be sgd at rate 1 without momentum where the rule is centred-clipping: it starts at what the student came by, which is the last aggregate only then",
        path: ["server"],
      },
    )
    .prefault({}),
  codec: updateCodecSchema.default("int8"),
  /** Whether participants may have the cleansed model once the campaign has finished (SPEC A9). */
  shareResult: z.boolean().default(false),
  /** How updates hide in sums (SPEC M9); left out, the coordinator sees every update. */
  privacy: privacySchema.optional(),
});

/** All that defines a campaign. Unknown keys are refused, so a misspelt option is never ignored. */
export const campaignConfigSchema = campaignFieldsSchema
  .refine(
    ({ aggregation: { rule }, round }) =>
      COMPARES_NOTHING.has(rule.kind) || round.goal <= MOST_FOR_ROBUST_RULES,
    {
      message: `must be at most ${MOST_FOR_ROBUST_RULES} for a rule that compares updates with one another`,
      path: ["round", "goal"],
    },
  )
  .superRefine((config, context) => {
    for (const { message, path } of unfitForPrivacy(config)) {
      context.addIssue({ code: "custom", message, path: [...path] });
    }
  });

/** As a client may write it: everything with a default may be left out. */
export type CampaignConfigInput = z.input<typeof campaignConfigSchema>;
export type CampaignConfig = z.output<typeof campaignConfigSchema>;
export type ServerOptimizer = z.output<typeof serverOptimizerSchema>;

/** Accepted updates without which a round is void: the configured minimum, else half the goal. */
export function minimumUpdates(policy: CampaignConfig["round"]): number {
  return policy.minimum ?? Math.ceil(policy.goal / 2);
}

/** Fewest participants of whom a median keeps one from dragging the result. */
const ROBUST_PARTICIPANTS = 3;

/**
 * Participants who are heard before anything is decided by a median over them (SPEC B5, J10): fewer
 * where the administrator asks for fewer.
 */
export function robustMinimum(policy: CampaignConfig["round"]): number {
  return Math.min(ROBUST_PARTICIPANTS, policy.goal);
}

/** Assignments that may be out at once in a round. */
export function assignmentLimit(policy: CampaignConfig["round"]): number {
  return Math.ceil(policy.goal * policy.overSelection);
}

/** Least silence of somebody at work that counts as such, ms. */
const LEAST_SILENCE_MS = 1000;

/** Silence after which an assignment may be given to another: a quarter of the deadline (SPEC R14), ms. */
export function silentAfterMs(policy: CampaignConfig["round"]): number {
  return Math.max(LEAST_SILENCE_MS, (1000 * policy.deadlineSeconds) / 4);
}

/** Most examples one update may weigh. */
export function exampleCap(config: CampaignConfig): number {
  const { localSteps, batchSize } = config.distillation;
  return config.aggregation.exampleCap ?? localSteps * batchSize;
}

/** Images over which a batch norm in training takes its statistics (SPEC D7). */
export function normGroupSize({ distillation }: CampaignConfig): number {
  return distillation.normGroupSize ?? distillation.batchSize;
}
