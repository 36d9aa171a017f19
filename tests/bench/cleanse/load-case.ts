import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { attackTarget, type NamedTarget } from "../../../client/attack/attack.ts";
import type { AttackTarget } from "../../../client/evaluation/attack-target.ts";
import { stampImages } from "../../../client/attack/stamp-images.ts";
import { triggerOf } from "../../../client/attack/trigger.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import { readModel } from "../../../client/cli/model-file.ts";
import { howSeen } from "../../../client/cli/how-seen.ts";
import type { Preparation } from "../../../client/images/prepare-image.ts";
import { loadTestSet } from "../../../client/cli/test-set.ts";
import type { LoadedImages } from "../../../client/images/image-set.ts";
import type { TestSet } from "../../../client/evaluation/evaluate-model.ts";
import { loadLabelled } from "../../../client/images/load-labelled.ts";
import { loadImages } from "../../../client/images/load-node.ts";
import { sha256 } from "../../../protocol/digest.ts";
import type { Graph } from "../../../protocol/model/graph.ts";
import type { ImportedModel } from "../../../protocol/formats/import-model.ts";
import type { Preprocessing } from "../../../protocol/round/preprocessing.ts";
import type { CaseSpec } from "./plan.ts";

/** A pool's images; its labels only where a split or a control asks for them. */
export interface Pool {
  readonly images: LoadedImages;
  readonly labels: ArrayLike<number> | undefined;
}

/** A case with its model and images in memory. */
export interface LoadedCase {
  readonly spec: CaseSpec;
  readonly teacher: ImportedModel;
  /** How it is to see pictures. */
  readonly preprocessing: Preprocessing;
  readonly pool: Pool;
  /** What the attacker wants; null for a clean model. */
  readonly target: NamedTarget | null;
  readonly tests: {
    readonly clean: TestSet<LoadedImages>;
    readonly triggered?: TriggeredSet;
  };
  /** SHA-256 of the model's file, and of images as they were decoded, labels included. */
  readonly digests: {
    readonly model: string;
    readonly pool: string;
    readonly test: string;
    readonly triggered: string | null;
  };
}

type TriggeredSet = TestSet<LoadedImages> & { readonly target: AttackTarget };

/**
 * Loads a case.
 *
 * @param needsLabels whether the pool must have labels, to be split by them or trained on as control.
 * @throws CommandError, ImageError or AttackError for what cannot be read or does not fit the model.
 */
export async function loadCase(spec: CaseSpec, needsLabels: boolean): Promise<LoadedCase> {
  const teacher = await readModel(spec.model, spec.network);
  const { preparation, preprocessing } = howSeen(teacher, spec.preprocessing);
  const { graph } = teacher;
  const pool = await loadPool(spec.pool, preparation, needsLabels);
  const clean = await loadTestSet(spec.test, graph.classes, preparation);
  const triggered = await loadTriggered(spec, clean, graph, preparation);
  return {
    spec,
    teacher,
    preprocessing,
    pool,
    target: targetOf(spec.stamp),
    tests: triggered === undefined ? { clean } : { clean, triggered },
    digests: {
      model: sha256(await readFile(spec.model)),
      // What is distilled on has no labels, so they are not part of what a pool is.
      pool: imagesDigest(pool.images),
      test: imagesDigest(clean.images, clean.labels),
      triggered: triggered === undefined ? null : imagesDigest(triggered.images, triggered.labels),
    },
  };
}

async function loadPool(
  path: string,
  preparation: Preparation,
  needsLabels: boolean,
): Promise<Pool> {
  if (!needsLabels) {
    return { images: await loadImages(path, preparation), labels: undefined };
  }
  const { images, labels } = await loadLabelled(path, preparation);
  return { images, labels };
}

async function loadTriggered(
  { name, stamp }: CaseSpec,
  clean: TestSet<LoadedImages>,
  graph: Graph,
  preparation: Preparation,
): Promise<TriggeredSet | undefined> {
  if (stamp.kind === "none") return undefined;
  const named = targetOf(stamp);
  if (named === null || (named !== "all" && named >= graph.classes)) {
    throw new CommandError(
      `the target of ${name} is ${named}, its model has the classes 0 to ${graph.classes - 1}`,
    );
  }
  const target = attackTarget(named, graph.classes);
  if (stamp.kind === "images") {
    return { ...(await loadTestSet(stamp.path, graph.classes, preparation)), target };
  }
  const { attack, seed } = stamp.record.recipe;
  const trigger = triggerOf(attack, seed, graph.inputShape);
  return { images: stampImages(clean.images, trigger), labels: clean.labels, target };
}

function targetOf(stamp: CaseSpec["stamp"]): NamedTarget | null {
  if (stamp.kind === "none") return null;
  return stamp.kind === "images" ? stamp.target : stamp.record.recipe.target;
}

/** SHA-256 over shape, pixels and labels (4 bytes each). */
function imagesDigest(images: LoadedImages, labels: ArrayLike<number> = []): string {
  const { count, height, width, channels, pixels } = images;
  return createHash("sha256")
    .update(Uint32Array.of(count, height, width, channels))
    .update(pixels)
    .update(Uint32Array.from(labels))
    .digest("hex");
}
