import { ProtocolError } from "../errors.ts";
import { depthStages, type DepthStage } from "../model/depth-stages.ts";
import type { Graph, ParameterRole } from "../model/graph.ts";
import { normalisedConvolutions } from "./normalised-convolutions.ts";
import { standInNorms } from "../model/stand-in-norms.ts";
import type { ReinitStrategy } from "./strategy-schema.ts";

/** Share of the head's weights that the BCU release re-initialises. */
export const DEFAULT_HEAD_RATIO = 0.1;

/** Stages of the network that the BCU release has ratios for. */
const RELEASED_STAGES = 4;

/**
 * Default share of the weights of a depth stage: .01, .03, .09, .27 as in the BCU release (Pang et al.
 * 2023). A network of more stages has the same in its last four, and thirds of it before. One division
 * of whole numbers, so exactly the quotient's double.
 *
 * @param count stages that the network has
 */
export function defaultStageRatio(stage: number, count: number): number {
  const exponent = stage - 1 - Math.max(0, count - RELEASED_STAGES);
  return exponent < 0 ? 1 / (100 * powerOfThree(-exponent)) : powerOfThree(exponent) / 100;
}

/** Whole numbers, multiplied out: engines may differ in the last bit of a power. */
function powerOfThree(exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power *= 3;
  return power;
}

/** Whether a strategy touches this role (SPEC I5.1). */
export function isReinitialised(role: ParameterRole): boolean {
  return role === "conv-weight" || role === "linear-weight" || role === "linear-bias";
}

/**
 * Share of each parameter's values to re-initialise, by name: 0 for batch norm, otherwise the
 * strategy's ratio times `strength`, at most 1 (SPEC I5). Scores of channels, where the strategy has
 * any, come on top (SPEC I8).
 *
 * @throws ProtocolError `malformed-request` when `ratios` has another length than the graph has
 *   depth stages, or a ratio or the strength is out of range.
 *
 * @example
 * reinitRatios(graph, { kind: "layerwise" }, 2).get("fc.weight"); // 0.2
 */
export function reinitRatios(
  graph: Graph,
  strategy: ReinitStrategy,
  strength: number,
): ReadonlyMap<string, number> {
  const scaled = scaledRatios(graph, strategy, strength);
  return new Map([...scaled].map(([name, ratio]) => [name, Math.min(1, ratio)]));
}

/** The same before the cap at 1, which with scores is the channel's to meet (SPEC I8). */
export function scaledRatios(
  graph: Graph,
  strategy: ReinitStrategy,
  strength: number,
): ReadonlyMap<string, number> {
  if (!(strength >= 0 && strength < Infinity)) {
    throw new ProtocolError("malformed-request", `strength ${strength} is not a number ≥ 0`);
  }
  requireScores(graph, strategy);
  const stages = depthStages(graph);
  const ratioOf = stageRatios(graph, strategy, stages.count);
  return new Map(
    graph.parameters.map(({ name, role }) => {
      if (!isReinitialised(role)) return [name, 0];
      const ratio = ratioOf(stages.byParameter.get(name)!);
      if (!(ratio >= 0 && ratio <= 1)) {
        throw new ProtocolError("malformed-request", `the ratio ${ratio} is not within 0 to 1`);
      }
      return [name, ratio * strength];
    }),
  );
}

/** @throws ProtocolError `malformed-request` for a strategy that scores channels where none can be. */
function requireScores(graph: Graph, { kind }: ReinitStrategy): void {
  if (kind !== "lipschitz" && kind !== "bn-divergence") return;
  if (kind === "bn-divergence" && standInNorms(graph).length > 0) {
    throw new ProtocolError(
      "malformed-request",
      "the strategy 'bn-divergence' compares participants' images with the statistics that the model was trained on, which norms that stand in for folded ones do not have: choose another strategy, such as 'lipschitz', or set network.standInNorms to false",
    );
  }
  if (normalisedConvolutions(graph).length > 0) return;
  throw new ProtocolError(
    "malformed-request",
    `the strategy '${kind}' scores convolutions by the batch norms behind them, and ${graph.architecture} has none: choose another strategy, such as 'layerwise'`,
  );
}

/** The strategy's ratio of a depth stage. */
function stageRatios(
  graph: Graph,
  strategy: ReinitStrategy,
  count: number,
): (stage: DepthStage) => number {
  if (strategy.kind === "uniform") return () => strategy.ratio;
  if (strategy.kind === "head") return (stage) => (stage === "head" ? strategy.head : 0);
  const { ratios, head } = strategy;
  if (ratios !== undefined && ratios.length !== count) {
    throw new ProtocolError(
      "malformed-request",
      `the strategy gives ${ratios.length} ratios, ${graph.architecture} has ${count} depth stages: give one ratio a stage, shallowest first`,
    );
  }
  return (stage) =>
    stage === "head"
      ? (head ?? DEFAULT_HEAD_RATIO)
      : (ratios?.[stage - 1] ?? defaultStageRatio(stage, count));
}
