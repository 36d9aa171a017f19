import { utf8ToBytes } from "@noble/hashes/utils.js";
import { sha256 } from "../../../protocol/digest.ts";
import type {
  CampaignConfig,
  CampaignConfigInput,
} from "../../../protocol/round/campaign-config.ts";
import { legsOf } from "../../../protocol/round/timeline.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { patchedConfig, type Setting } from "./config-patch.ts";
import type { LoadedCase } from "./load-case.ts";
import { STRATEGIES, type Strategy } from "./strategies.ts";

/** What all runs of a bench have in common. */
export interface BenchSettings {
  readonly strategies: readonly string[];
  readonly seeds: readonly number[];
  readonly participants: number;
  /** Images taken of each pool; null for all. */
  readonly poolSize: number | null;
  /** α of a Dirichlet split; null for an even one. */
  readonly skew: number | null;
  /** Whether the pools are not the cases' own. */
  readonly swappedPool: boolean;
  readonly set: readonly Setting[];
}

/** One run: a case cleansed by a strategy with a seed. */
export interface BenchRun {
  /** Sixteen hexadecimal digits, from the inputs' digests, the target and all settings. */
  readonly name: string;
  readonly loaded: LoadedCase;
  readonly strategyName: string;
  readonly strategy: Strategy;
  readonly seed: number;
  readonly settings: BenchSettings;
  /** What a campaign is created with. */
  readonly input: CampaignConfigInput;
  /** The same with all defaults. */
  readonly config: CampaignConfig;
}

/** Everybody is waited for: a bench measures the method, not a deadline. */
const DEADLINE_SECONDS = 86_400;

/**
 * All runs that the settings ask for, case by case, then seed by seed.
 *
 * @throws CommandError for a strategy that is not known, or settings that are no campaign.
 */
export function benchRuns(
  cases: readonly LoadedCase[],
  settings: BenchSettings,
): readonly BenchRun[] {
  return cases.flatMap((loaded) =>
    settings.seeds.flatMap((seed) =>
      settings.strategies.map((name) => benchRun(loaded, name, seed, settings)),
    ),
  );
}

function benchRun(
  loaded: LoadedCase,
  strategyName: string,
  seed: number,
  settings: BenchSettings,
): BenchRun {
  const strategy = knownStrategy(strategyName);
  const { spec, digests, target } = loaded;
  const { participants, poolSize, skew, set } = settings;
  const base: CampaignConfigInput = {
    name: `bench ${spec.name} ${strategyName}`,
    model: digests.model,
    network: spec.network,
    preprocessing: spec.preprocessing,
    reinit: { seed: sha256(utf8ToBytes(`scour bench ${seed}`)) },
    round: { goal: participants, deadlineSeconds: DEADLINE_SECONDS },
    // A campaign created without options mirrors images, unless its organiser knows better.
    ...(spec.flip ? {} : { distillation: { augmentation: { horizontalFlip: false } } }),
  };
  const patch = strategy.kind === "campaign" ? strategy.patch : {};
  const { input, config } = patchedConfig(base, { name: strategyName, patch }, set);
  const { name: _, ...identity } = config;
  // Defaults are in it: a campaign whose defaults have changed is another run.
  const conditions = { participants, poolSize, skew, config: identity };
  const named = { digests, target, strategyName, seed, ...conditions };
  const name = sha256(utf8ToBytes(JSON.stringify(named))).slice(0, 16);
  return { name, loaded, strategyName, strategy, seed, settings, input, config };
}

/** @throws CommandError listing those that are there. */
export function knownStrategy(name: string): Strategy {
  const strategy = Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name] : undefined;
  if (strategy !== undefined) return strategy;
  throw new CommandError(
    `there is no strategy '${name}'`,
    `Known are ${Object.keys(STRATEGIES).join(", ")}.`,
  );
}

/** Images that a run's participants train on if no leg ends early; 0 for a control without training. */
export function plannedImages({ strategy, config, settings }: BenchRun): number {
  const { batchSize, localSteps } = config.distillation;
  if (strategy.kind === "control" && strategy.control === "reinit-only") return 0;
  const legs = strategy.kind === "control" ? legsOf(config).slice(-1) : legsOf(config);
  const rounds = legs.reduce((sum, { trainingRounds }) => sum + trainingRounds, 0);
  return rounds * localSteps * batchSize * settings.participants;
}

/** Runs that are not among the results yet, each once. */
export function runsToDo(
  runs: readonly BenchRun[],
  done: readonly { readonly run: string }[],
): readonly BenchRun[] {
  const known = new Set(done.map(({ run }) => run));
  return runs.filter(({ name }) => {
    if (known.has(name)) return false;
    known.add(name);
    return true;
  });
}
