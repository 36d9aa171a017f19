import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { CampaignConfigInput } from "../../../protocol/round/campaign-config.ts";

/** Dotted paths of a configuration: of its values and of what lies around them. */
type PathOf<T> = T extends string | number | boolean | readonly unknown[] | null | undefined
  ? never
  : { [K in keyof T & string]-?: K | `${K}.${PathOf<T[K]>}` }[keyof T & string];

/** Where something stands in a campaign's configuration, such as `distillation.learningRate`. */
export type SettingPath = PathOf<CampaignConfigInput>;

/** How the text behind a flag is read. */
type Reading =
  /** By a function that refuses what it cannot read; `option-values.ts` has them. */
  | {
      readonly argument: string;
      readonly reads: (text: string) => unknown;
      /** The word `off` is taken, too, and makes this part of the configuration null. */
      readonly off?: SettingPath;
      /** What is read is a list, whose values go to these keys beneath the path. */
      readonly keys?: readonly string[];
    }
  /** One of the words that the schema has there. */
  | { readonly argument: string; readonly reads: "choice" }
  /** `off` makes the part of the configuration at the path null. */
  | { readonly argument: "<on|off>"; readonly reads: "on-off" }
  /** The flag stands alone and means this value. */
  | { readonly sets: unknown };

/**
 * One setting of a campaign on the command line. What it may be and what it is by default stands in the
 * schema alone and is read off it: the default, the words to choose from, and for which kinds of a
 * strategy, rule or optimiser it is.
 */
export type Setting = Reading & {
  readonly path: SettingPath;
  readonly flag: `--${string}`;
  /** For `--help` and the documents; default and kinds are put around it. */
  readonly help: string;
  /** What holds when it is left out, where the schema gives no default. */
  readonly unset?: string;
  /** The setting means nothing unless the one at `path` was given as `is`. */
  readonly needs?: { readonly path: SettingPath; readonly is: string };
  /**
   * Why it is refused where it means nothing, after the flag: `{kinds}` stands for the flags it is for,
   * `{given}` for the one that was given. Without it `needs {kinds}`.
   */
  readonly misplaced?: string;
  /** What to do where it is missing and the model's family does not tell it either, by the model's images. */
  readonly missing?: (shape: ImageShape) => string;
};

/** Settings that belong together, in the order in which they are shown. */
export interface SettingGroup {
  readonly title: string;
  readonly settings: readonly Setting[];
}
