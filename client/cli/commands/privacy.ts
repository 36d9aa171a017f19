import { Command, InvalidArgumentError } from "commander";
import { epsilonAfter, type Spent } from "../../../protocol/privacy/accounting/epsilon.ts";
import {
  whatEpsilonCosts,
  type EpsilonCost,
} from "../../../protocol/privacy/accounting/epsilon-costs.ts";
import { countText, normText } from "../../text/numbers-text.ts";
import type { CommandContext } from "../command-context.ts";
import { OptionError } from "../option-error.ts";
import { number, positive, share } from "../options/option-values.ts";
import { textTable } from "../show/text-table.ts";

interface PrivacyOptions {
  readonly participants: number;
  readonly rounds: number;
  readonly values: number;
  readonly clip: number;
  readonly delta: number;
  readonly noise?: number;
  readonly sampled?: number;
  readonly json?: boolean;
}

/** What a plan costs, and what a noise that was chosen comes to. */
interface PrivacyReport {
  readonly costs: readonly EpsilonCost[];
  readonly spent: Spent | null;
}

/** `privacy`: what differential privacy would cost a campaign, before it begins. */
export function privacyCommand({ terminal }: CommandContext): Command {
  return new Command("privacy")
    .description("what hiding every participant in noise would cost a campaign; starts nothing")
    .option("--participants <count>", "in every round's sum", positive, 8)
    .option("--rounds <count>", "that combine updates", positive, 12)
    .option("--values <count>", "that an update has (`scour check` says)", positive, 700_000)
    .option("--clip <norm>", "longest that an update may be", aboveZero, 1)
    .option("--delta <probability>", "with which ε need not hold", probability, 1e-5)
    .option("--noise <multiplier>", "say what ε so much noise, in clip norms, comes to", aboveZero)
    .option(
      "--sampled <rate>",
      "with --noise: each participant is in a round by chance alone, and nobody learns who; not so in Scour's rounds",
      share,
    )
    .option("--json", "print it as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ npm run scour -- privacy --participants 16 --rounds 12 --values 11200000",
    )
    .action((options: PrivacyOptions) => {
      const { clip, delta, json, noise, participants, rounds, sampled, values } = options;
      const campaign = { participants, rounds, values, clipNorm: clip, delta };
      if (sampled !== undefined && noise === undefined) {
        throw new OptionError("--sampled is about --noise: give both");
      }
      const sampling =
        sampled === undefined
          ? ({ kind: "everybody" } as const)
          : ({ kind: "poisson", rate: sampled } as const);
      const report: PrivacyReport = {
        costs: whatEpsilonCosts(campaign),
        spent:
          noise === undefined
            ? null
            : epsilonAfter({ noiseMultiplier: noise, sampling, rounds, delta }),
      };
      terminal.result(report, json, () => privacyText(report, options));
    });
}

function privacyText({ costs, spent }: PrivacyReport, options: PrivacyOptions): string {
  const { delta, noise, participants, rounds } = options;
  return [
    `${countText(participants)} participants, ${countText(rounds)} rounds, δ = ${delta}`,
    "",
    textTable([
      ["ε", "noise, in clip norms", "noise of a value", "noise : update", "participants for 1 : 1"],
      ...costs.map((cost) => [
        String(cost.epsilon),
        normText(cost.noiseMultiplier),
        normText(cost.noisePerValue),
        `${normText(cost.noiseToUpdate)} : 1`,
        countText(cost.participantsForOne),
      ]),
    ]),
    "",
    "Noise : update compares the mean's noise with the longest update that is let through. Far above 1",
    "the student follows the noise: such a budget takes more participants, or fewer values.",
    ...(spent === null
      ? []
      : [
          "",
          `Noise of ${noise} clip norms on each of the sums comes to ε = ${normText(spent.epsilon)} (order ${spent.order}).`,
        ]),
  ].join("\n");
}

function aboveZero(text: string): number {
  const value = number(text);
  if (value <= 0) throw new InvalidArgumentError("It must be above 0.");
  return value;
}

function probability(text: string): number {
  const value = aboveZero(text);
  if (value >= 1) throw new InvalidArgumentError("It must be below 1, such as 1e-5.");
  return value;
}
