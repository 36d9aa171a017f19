import { hex } from "@scure/base";
import { ProtocolError } from "../../../protocol/errors.ts";
import { depthStages } from "../../../protocol/model/depth-stages.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { StateLayout } from "../../../protocol/model/state-layout.ts";
import { reinitRatios } from "../../../protocol/reinit/strategy.ts";
import { augmentationFor } from "../../../protocol/round/augmentation.ts";
import {
  exampleCap,
  minimumUpdates,
  normGroupSize,
  type CampaignConfig,
} from "../../../protocol/round/campaign-config.ts";
import type { ReinitStrategy } from "../../../protocol/reinit/strategy-schema.ts";
import { completePreprocessing } from "../../../protocol/round/preprocessing.ts";
import { unfitForPrivacy } from "../../../protocol/round/privacy.ts";
import type { CampaignReport } from "../../../protocol/round/reports.ts";
import {
  localOptimizer,
  unfitOptimizer,
  usualOptimizer,
  type LocalOptimizer,
} from "../../../protocol/round/local-optimizer.ts";
import { measuredImages } from "../../../protocol/round/statistics-round.ts";
import { withUsualStandIns } from "../../../protocol/round/usual-stand-ins.ts";
import { candidatesOf } from "../../../protocol/round/timeline.ts";
import { randomIdentifier } from "../../access/identifiers.ts";
import { openModel, teacherOf, type ModelSource } from "../../blobs/model-source.ts";
import { directoryOf } from "../../directory/all-campaigns.ts";
import type { Environment } from "../../environment.ts";
import { unwrap } from "../../outcome.ts";
import { concurrently } from "../../../protocol/concurrently.ts";
import type { SliceShape } from "../../slice/slice-work.ts";
import { requirePoolable } from "../rounds/accept-statistics.ts";
import { requireNameable, requireScorable } from "../rounds/check-commit.ts";
import { initialiseStudents } from "./initialise-student.ts";

/** Slices as their objects know them: with the places of running variances. */
function sliceShapes(layout: StateLayout): SliceShape[] {
  const variances = layout.entries.filter(({ role }) => role === "running-variance");
  return layout.slices.map(({ index, offset, length, section }) => ({
    index,
    length,
    section,
    variances: variances
      .map((entry) => ({
        from: Math.max(0, entry.offset - offset),
        to: Math.min(length, entry.offset + entry.size - offset),
      }))
      .filter(({ from, to }) => from < to),
  }));
}

/** Fills in what the schema leaves open, so that the configuration says all (SPEC C1). */
function completeConfig(config: CampaignConfig, model: ModelSource): CampaignConfig {
  const { graph, network } = model;
  const preprocessing = completePreprocessing(
    config.preprocessing,
    model.preprocessing,
    graph.inputShape,
  );
  const optimizer = completeOptimizer(config, graph);
  const seed = hex.encode(crypto.getRandomValues(new Uint8Array(32)));
  const strategy = completeStrategy(config.reinit.strategy, graph);
  return {
    ...config,
    network,
    preprocessing,
    reinit: { seed, ...config.reinit, strategy },
    distillation: {
      ...config.distillation,
      ...optimizer,
      augmentation: augmentationFor(config.distillation.augmentation, graph.inputShape),
      normGroupSize: normGroupSize(config),
    },
    round: { ...config.round, minimum: minimumUpdates(config.round) },
    aggregation: { ...config.aggregation, exampleCap: exampleCap(config) },
  };
}

/** @throws ProtocolError `malformed-request` where the family's does not fit the campaign. */
function completeOptimizer({ distillation }: CampaignConfig, graph: Graph): LocalOptimizer {
  const optimizer = localOptimizer(distillation, usualOptimizer(graph));
  const asked = { ...distillation, optimizer: optimizer.optimizer };
  const unfit = unfitOptimizer(asked, distillation.localSteps);
  if (unfit) throw new ProtocolError("malformed-request", unfit.message);
  return optimizer;
}

function completeStrategy(strategy: ReinitStrategy, graph: Graph): ReinitStrategy {
  if (strategy.kind === "uniform" || strategy.kind === "head") return strategy;
  const byName = reinitRatios(graph, strategy, 1);
  const { byParameter, count } = depthStages(graph);
  const ratios = Array.from({ length: count }, () => 0);
  let head = strategy.head;
  for (const { name, role } of graph.parameters) {
    if (role !== "conv-weight" && role !== "linear-weight") continue;
    const stage = byParameter.get(name);
    if (stage === "head") head ??= byName.get(name)!;
    else if (stage !== undefined) ratios[stage - 1] = byName.get(name)!;
  }
  return { ...strategy, ratios, ...(head !== undefined && { head }) };
}

/**
 * Makes a campaign of an uploaded model. All checks come before the first write, so a refused one
 * leaves nothing behind.
 *
 * @throws ProtocolError `not-found`, `malformed-model`, `unsupported-model`, `non-finite-weights`
 *   or `malformed-request`.
 */
export async function createCampaign(
  environment: Environment,
  input: CampaignConfig,
): Promise<CampaignReport> {
  const asFiled = await openModel(environment.BLOBS, teacherOf(input));
  const model = { ...asFiled, ...withUsualStandIns(asFiled, input) };
  const { file, graph, layout } = model;
  const config = completeConfig(input, model);
  requireScorable(config.judging, graph.classes);
  requireNameable(layout.slices.length, config.judging, graph.classes);
  const isMeasured = measuredImages(config) > 0;
  if (isMeasured) requirePoolable(config, layout);
  // Again, of what was filled in.
  const [unfit] = unfitForPrivacy(config);
  if (unfit !== undefined) {
    throw new ProtocolError("malformed-request", `${unfit.path.join(".")}: ${unfit.message}`);
  }
  const id = randomIdentifier("c");
  const slices = sliceShapes(layout);
  await concurrently(slices, async ({ index }) =>
    unwrap(await environment.SLICE.getByName(`${id}/${index}`).check(teacherOf(config), index)),
  );
  const { strategy, seed } = config.reinit;
  const strengths = candidatesOf(config).map(({ strength }) => strength);
  const terms = { strategy, strengths, seed: seed! };
  const starts = isMeasured ? [] : await initialiseStudents(environment, id, model, terms);
  const createdAt = Date.now();
  const report = unwrap(
    await environment.CAMPAIGN.getByName(id).create({
      id,
      createdAt,
      config,
      model: {
        digest: config.model,
        bytes: file.totalBytes,
        architecture: graph.architecture,
        classes: graph.classes,
        inputShape: { ...graph.inputShape },
        trainableLength: layout.trainableLength,
        length: layout.length,
      },
      slices,
      starts,
    }),
  );
  await directoryOf(environment).add(id, createdAt);
  return report;
}
