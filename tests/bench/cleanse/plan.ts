import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as z from "zod";
import { targetSchema, type NamedTarget } from "../../../client/attack/attack.ts";
import type { AttackRecord } from "../../../client/attack/attack-record.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import {
  networkSettingsSchema,
  type NetworkSettings,
} from "../../../protocol/model/network-settings.ts";
import type { CampaignConfig } from "../../../protocol/round/campaign-config.ts";
import { preprocessingSchema } from "../../../protocol/round/preprocessing.ts";

/** One number a channel. */
const channelValues = z
  .array(z.number())
  .refine(({ length }) => length === 1 || length === 3, "must be 3 numbers, or 1 for grey images");
const path = z.string().min(1);

const plannedCaseSchema = z
  .strictObject({
    /** What tables call it. */
    name: z.string().regex(/^[\w.-]+$/, "must be letters, digits, '.', '_' and '-'"),
    /** The suspicious model, safetensors. */
    model: path,
    /** What participants share: records, a folder or a zip; labels in it are not read. */
    pool: path,
    /** Labelled clean test images. */
    test: path,
    /** The same kind of images, stamped, with their TRUE labels; left out for a clean model. */
    triggered: path.optional(),
    target: targetSchema.optional(),
    /** As a campaign's: what the model's tensors do not tell. */
    network: networkSettingsSchema.default({}),
    /** As a campaign's, where the model's family is not meant: how pictures become its images. */
    preprocessing: preprocessingSchema
      .refine(({ mean, std }) => mean === undefined && std === undefined, {
        message: "'mean' and 'std' stand beside it",
      })
      .default({}),
    /** x = (value − mean)/std: what the model was trained with. */
    mean: channelValues,
    std: channelValues.refine((std) => std.every((deviation) => deviation > 0), "must be above 0"),
    /** Whether training may mirror images: not for signs, digits and text. */
    flip: z.boolean().default(true),
  })
  .refine(({ triggered, target }) => (triggered === undefined) === (target === undefined), {
    message: "'triggered' and 'target' belong together: give both, or none for a clean model",
    path: ["target"],
  });

const planSchema = z.strictObject({
  cases: z
    .array(plannedCaseSchema)
    .min(1)
    .refine((cases) => new Set(cases.map(({ name }) => name)).size === cases.length, {
      message: "two cases go by the same name",
    }),
});

/** Where a case's stamped images come from. */
type Stamp =
  | { readonly kind: "none" }
  | { readonly kind: "images"; readonly path: string; readonly target: NamedTarget }
  /** The clean test images, stamped as the record of `attack train` says. */
  | { readonly kind: "record"; readonly record: AttackRecord };

/** A teacher, and what it is cleansed and judged with; paths as they can be opened. */
export interface CaseSpec {
  readonly name: string;
  readonly model: string;
  readonly pool: string;
  readonly test: string;
  readonly stamp: Stamp;
  readonly network: NetworkSettings;
  /** As given; the model's family says the rest. */
  readonly preprocessing: CampaignConfig["preprocessing"];
  readonly flip: boolean;
}

/**
 * Reads a plan of cases; its paths are relative to the plan's folder.
 *
 * @param text JSON.
 * @param file the plan's own path.
 * @throws CommandError naming each place that is wrong.
 *
 * @example
 * const cases = parsePlan(await readFile("plan.json", "utf8"), "plan.json");
 */
export function parsePlan(text: string, file: string): readonly CaseSpec[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CommandError(`${file} is not JSON: ${messageOf(cause)}`, ADVICE, { cause });
  }
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) {
    const complaints = parsed.error.issues.map(
      ({ path: place, message }) => `${place.join(".") || "the plan"}: ${message}`,
    );
    throw new CommandError(`${file} is no plan: ${complaints.join("; ")}`, ADVICE);
  }
  const folder = dirname(file);
  return parsed.data.cases.map(({ triggered, target, mean, std, ...planned }) => ({
    name: planned.name,
    network: planned.network,
    preprocessing: { ...planned.preprocessing, mean, std },
    flip: planned.flip,
    model: resolve(folder, planned.model),
    pool: resolve(folder, planned.pool),
    test: resolve(folder, planned.test),
    stamp:
      triggered === undefined || target === undefined
        ? { kind: "none" }
        : { kind: "images", path: resolve(folder, triggered), target },
  }));
}

/** Reads a plan's file; see `parsePlan`. */
export async function readPlan(file: string): Promise<readonly CaseSpec[]> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new CommandError(`the plan cannot be read: ${messageOf(cause)}`, ADVICE, { cause });
  });
  return parsePlan(text, file);
}

const ADVICE = "tests/bench/cleanse/example-plan.json shows how a plan looks.";

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
