import { z } from "zod";
import {
  FEWEST_IN_A_SUM,
  FEWEST_ORGANISATIONS,
  helperKeySchema,
  MOST_IN_A_SUM,
} from "../privacy/private-round.ts";
import { publicKeySchema } from "./identifiers.ts";

/** How a campaign hides its participants' updates in sums (SPEC M9). */
export const privacySchema = z.strictObject({
  kind: z.literal("two-operators").default("two-operators"),
  /** Who holds the masks' seeds, and never the masked updates. */
  helper: z.strictObject({
    url: z.url({ protocol: /^https?$/, error: "must be an http or https address" }),
    /** X25519, as `scour helper` says it. */
    key: helperKeySchema,
  }),
  /** Ed25519 keys of those who vouch for participants. */
  organisations: z
    .array(publicKeySchema)
    .min(
      FEWEST_ORGANISATIONS,
      "must be at least two: one alone could make up all participants but one",
    )
    .max(64)
    .refine((keys) => keys.every((key, i) => i === 0 || key > keys[i - 1]!), {
      message: "must ascend, none twice",
    }),
  /** m: fewest participants whose sum may be opened. */
  minimum: z.int().min(FEWEST_IN_A_SUM).max(MOST_IN_A_SUM).default(FEWEST_IN_A_SUM),
  /** Most an update's L2 norm over its trainable values may be; longer ones are shortened to it. */
  clipNorm: z.number().positive().max(1e6),
});
export type Privacy = z.output<typeof privacySchema>;

/** What a configuration has that private rounds cannot do, in words that `unfitForPrivacy` takes. */
interface PlannedRounds {
  readonly privacy?: Privacy | undefined;
  readonly trial: object | null;
  readonly codec: string;
  readonly reinit: {
    readonly strength: number | "auto";
    readonly strategy: { readonly kind: string };
  };
  readonly network: { readonly standInNorms?: boolean | undefined };
  readonly aggregation: {
    readonly rule: { readonly kind: string };
    readonly mixing: { readonly kind: string };
  };
  readonly round: { readonly goal: number; readonly minimum?: number | undefined };
}

/** A setting that does not go with private rounds, and what to do. */
interface Unfit {
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Settings for which single updates would have to be seen, or of which sums cannot be had (SPEC M9.1).
 */
export function unfitForPrivacy(config: PlannedRounds): readonly Unfit[] {
  const { aggregation, codec, network, privacy, reinit, round, trial } = config;
  if (privacy === undefined) return [];
  const found: Unfit[] = [];
  const refuse = (holds: boolean, path: string, message: string): void => {
    if (holds) found.push({ path: path.split("."), message: `${message} in a private campaign` });
  };
  refuse(
    trial !== null,
    "trial",
    "must be null, since candidates are sums that leave single participants out, which are not opened",
  );
  refuse(
    aggregation.rule.kind !== "mean",
    "aggregation.rule",
    `must be mean, since ${aggregation.rule.kind} looks at single updates (privacy.clipNorm bounds each before it is sent)`,
  );
  refuse(
    aggregation.mixing.kind !== "none",
    "aggregation.mixing",
    "must be none, since nothing but the sum is seen",
  );
  refuse(
    codec !== "f32",
    "codec",
    `must be f32, since words are masked and ${codec} would be rounded a second time`,
  );
  refuse(
    reinit.strength === "auto",
    "reinit.strength",
    "must be a number, since probes begin with the main leg's student, and sums of one student have nobody in common",
  );
  refuse(
    reinit.strategy.kind === "bn-divergence",
    "reinit.strategy",
    "must be one without a statistics round, in which everybody's own means and variances are seen, such as layerwise,",
  );
  refuse(
    network.standInNorms === true,
    "network.standInNorms",
    "must be false, since norms that stand in take a statistics round, in which everybody's own means and variances are seen,",
  );
  const fewest = round.minimum ?? Math.ceil(round.goal / 2);
  refuse(
    fewest < privacy.minimum,
    "round.minimum",
    `must be at least ${privacy.minimum} (privacy.minimum): ${fewest} do not hide one another`,
  );
  refuse(round.goal > MOST_IN_A_SUM, "round.goal", `must be at most ${MOST_IN_A_SUM}`);
  return found;
}
