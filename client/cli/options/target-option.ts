import { InvalidArgumentError } from "commander";
import { attackTarget, type NamedTarget } from "../../attack/attack.ts";
import type { AttackTarget } from "../../evaluation/attack-target.ts";
import { OptionError } from "../option-error.ts";

/** What `--target` is, in words for `--help`. */
export const TARGET_HELP =
  "class that the attacker wants, or all: for each label the next one (all-to-all)";

/** Reads `--target`: a class, or `all`. */
export function namedTarget(text: string): NamedTarget {
  if (text === "all") return text;
  if (!/^\d{1,9}$/.test(text)) {
    throw new InvalidArgumentError("It must be a class, counted from 0, or all.");
  }
  return Number(text);
}

/**
 * What the attacker wants of a model of so many classes.
 *
 * @throws OptionError when the model has no such class.
 */
export function targetOf(named: NamedTarget, classes: number): AttackTarget {
  if (named !== "all" && named >= classes) {
    throw new OptionError(`--target ${named}: the model has the classes 0 to ${classes - 1}`);
  }
  return attackTarget(named, classes);
}
