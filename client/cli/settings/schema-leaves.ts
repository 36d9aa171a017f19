import { z } from "zod";
import { campaignConfigSchema } from "../../../protocol/round/campaign-config.ts";

/** A part of the configuration that is of one of several kinds, such as `reinit.strategy`. */
export interface SchemaUnion {
  readonly path: string;
  /** The key that tells the kind. */
  readonly key: string;
  readonly kinds: readonly string[];
}

/** What a schema says of one value: of one kind of a union, where it is part of one. */
interface Variant {
  readonly kind: string | undefined;
  readonly required: boolean;
  readonly value: unknown;
}

/** A value of the configuration, or an object of it that may be null though it is not by default. */
export interface SchemaLeaf {
  readonly path: string;
  /** The words it may be. */
  readonly choices: readonly string[] | undefined;
  /** The union it is part of, and one variant a kind that has it; else one variant. */
  readonly union: SchemaUnion | undefined;
  readonly variants: readonly Variant[];
}

/** What is found on the way, and the kind of a union that the way leads through. */
interface Walk {
  readonly leaves: Map<string, SchemaLeaf>;
  readonly union: SchemaUnion | undefined;
  readonly kind: string | undefined;
}

/** The schema without what is around it, and what that said. */
function bare(schema: z.core.$ZodType) {
  let [at, required, nullable, value] = [schema, true, false, undefined as unknown];
  for (;;) {
    if (at instanceof z.ZodDefault || at instanceof z.ZodPrefault) value = at.def.defaultValue;
    if (at instanceof z.ZodNullable) nullable = true;
    if (at instanceof z.ZodPipe) at = at.in;
    else if (at instanceof z.ZodNullable) at = at.unwrap();
    else if (
      at instanceof z.ZodOptional ||
      at instanceof z.ZodDefault ||
      at instanceof z.ZodPrefault
    ) {
      required = false;
      at = at.unwrap();
    } else return { schema: at, required, nullable, value };
  }
}

function choicesOf(schema: z.core.$ZodType): readonly string[] | undefined {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String);
  return undefined;
}

function walk(schema: z.core.$ZodType, path: string, within: Walk): void {
  const { schema: inner, required, nullable, value } = bare(schema);
  const add = (leaf: Omit<SchemaLeaf, "path" | "variants">, at: string) => {
    const before = within.leaves.get(at)?.variants ?? [];
    const variants = [...before, { kind: within.kind, required, value }];
    within.leaves.set(at, { ...leaf, path: at, variants });
  };
  if (inner instanceof z.ZodObject) {
    if (nullable && value !== null) add({ choices: undefined, union: within.union }, path);
    for (const [key, part] of Object.entries(inner.shape)) {
      walk(part as z.core.$ZodType, path === "" ? key : `${path}.${key}`, within);
    }
    return;
  }
  if (!(inner instanceof z.ZodDiscriminatedUnion)) {
    add({ choices: choicesOf(inner), union: within.union }, path);
    return;
  }
  const key = inner.def.discriminator;
  const options = inner.options as readonly z.ZodObject[];
  const kindOf = (option: z.ZodObject) => choicesOf(option.shape[key]!)![0]!;
  const union = { path, key, kinds: options.map(kindOf) };
  add({ choices: union.kinds, union: undefined }, `${path}.${key}`);
  for (const option of options) {
    const parts = Object.entries(option.shape).filter(([part]) => part !== key);
    for (const [part, its] of parts) {
      walk(its as z.core.$ZodType, `${path}.${part}`, {
        leaves: within.leaves,
        union,
        kind: kindOf(option),
      });
    }
  }
}

function allLeaves(): ReadonlyMap<string, SchemaLeaf> {
  const leaves = new Map<string, SchemaLeaf>();
  walk(campaignConfigSchema, "", { leaves, union: undefined, kind: undefined });
  return leaves;
}

/** All that a campaign's configuration is made of, by dotted path, as the schema has it. */
export const SCHEMA_LEAVES: ReadonlyMap<string, SchemaLeaf> = allLeaves();

/** The parts that are of one of several kinds. */
export const SCHEMA_UNIONS: readonly SchemaUnion[] = [
  ...new Set([...SCHEMA_LEAVES.values()].flatMap(({ union }) => union ?? [])),
];
