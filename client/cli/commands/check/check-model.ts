import { ProtocolError, type ProblemCode } from "../../../../protocol/errors.ts";
import type { Finding } from "../../../../protocol/formats/finding.ts";
import { readState, recogniseFile } from "../../../../protocol/formats/import-model.ts";
import type { OpenModel } from "../../../../protocol/formats/open-model.ts";
import type { ModelFile } from "../../../../protocol/formats/model-file.ts";
import { openModelFile } from "../../../../protocol/formats/open-model-file.ts";
import { depthStages } from "../../../../protocol/model/depth-stages.ts";
import { sizeOf } from "../../../../protocol/model/graph.ts";
import type { NetworkSettings } from "../../../../protocol/model/network-settings.ts";
import { isReinitialised, reinitRatios } from "../../../../protocol/reinit/strategy.ts";
import {
  campaignConfigSchema,
  type CampaignConfig,
} from "../../../../protocol/round/campaign-config.ts";
import { CommandError } from "../../command-error.ts";
import { howSeen } from "../../how-seen.ts";
import { assumptionsText, modelFileError } from "../../model-file.ts";
import { blobSource } from "../../model/folder-blob.ts";
import { blobDigest, modelBlob } from "../../model/model-blob.ts";
import type { LocatedModel } from "../../model/locate-model.ts";
import { OptionError } from "../../option-error.ts";
import type {
  CheckedModel,
  CheckReport,
  Refusal,
  StageToCleanse,
  Verdict,
} from "./check-report.ts";

export interface CheckOptions {
  readonly network: NetworkSettings;
  /** What was said of how it sees pictures. */
  readonly preprocessing: CampaignConfig["preprocessing"];
  readonly signal: AbortSignal;
  readonly onProgress: (doneBytes: number, totalBytes: number) => void;
}

/** A file that was checked; with what was opened of it where it can be taken. */
export interface Checked {
  readonly report: CheckReport;
  readonly model: OpenModel | undefined;
}

/**
 * Looks at a model file as a coordinator would, value by value, by ranges and without running anything of
 * it. What is wrong with the file is in the report.
 *
 * @throws OptionError for options that do not fit the model; the signal's reason when it aborts.
 */
export async function checkModel(
  { path, source }: LocatedModel,
  options: CheckOptions,
): Promise<Checked> {
  const { network, onProgress, signal } = options;
  let blob: Blob | undefined;
  let sha256: string | null = null;
  let file: ModelFile | undefined;
  let model: OpenModel | undefined;
  let refusal: Refused | undefined;
  try {
    blob = await modelBlob(path);
    sha256 = await blobDigest(blob, signal);
    file = await openModelFile(blobSource(blob), network);
    model = recogniseFile(file, network);
    await checkValues(model, blob.size, { onProgress, signal });
  } catch (error) {
    signal.throwIfAborted();
    refusal = refusedFor(path, error);
  }
  const described = model === undefined ? undefined : describeModel(model, options);
  const findings = [
    ...(refusal?.findings ?? []),
    ...((model?.file ?? file)?.findings ?? []),
    ...(described?.findings ?? []),
  ];
  const report: CheckReport = {
    format: "scour-check-1",
    model: source,
    bytes: blob?.size ?? null,
    sha256,
    kind: file?.kind ?? null,
    tensors: file?.tensors.length ?? null,
    verdict: verdictOf(refusal, findings),
    refusal: refusal?.said ?? null,
    network: described?.network ?? null,
    findings,
  };
  return { report, model: refusal === undefined ? model : undefined };
}

interface Refused {
  readonly code: ProblemCode | undefined;
  readonly said: Refusal;
  readonly findings: readonly Finding[];
}

/** @throws the error where it is no fault of the file. */
function refusedFor(path: string, error: unknown): Refused {
  if (error instanceof OptionError) throw error;
  const told = modelFileError(path, error);
  if (!(told instanceof CommandError)) throw error;
  const { advice, cause, message } = told;
  const own = message.startsWith(`${path}: `) ? message.slice(path.length + 2) : message;
  const code = cause instanceof ProtocolError ? cause.code : undefined;
  const found = cause instanceof ProtocolError ? cause.extensions["findings"] : undefined;
  return {
    code,
    said: { rule: code ?? UNREADABLE, message: advice === undefined ? own : `${own}. ${advice}` },
    findings: (found as readonly Finding[] | undefined) ?? [],
  };
}

/** Rule for what is no file that could be opened. */
const UNREADABLE = "unreadable-file";

function verdictOf(refused: Refused | undefined, findings: readonly Finding[]): Verdict {
  const isDanger = refused?.code === "unsafe-model";
  if (isDanger || findings.some(({ level }) => level === "danger")) return "dangerous";
  if (refused === undefined) return "accepted";
  return refused.code === undefined || refused.code === "malformed-model"
    ? "unreadable"
    : "refused";
}

/** Looks at every value (SPEC W5), a slice at a time. */
async function checkValues(
  model: OpenModel,
  totalBytes: number,
  { onProgress, signal }: Pick<CheckOptions, "onProgress" | "signal">,
): Promise<void> {
  const { layout } = model;
  for (const { length, offset } of layout.slices) {
    signal.throwIfAborted();
    await readState(model, offset, length);
    onProgress(Math.floor((totalBytes * (offset + length)) / layout.length), totalBytes);
  }
}

/** What was recognised, and what whoever is about to use it should say or know. */
function describeModel(
  model: OpenModel,
  { preprocessing: given }: CheckOptions,
): { readonly network: CheckedModel; readonly findings: readonly Finding[] } {
  const { assumed, file, form, graph, layout, network } = model;
  const findings: Finding[] = [];
  const assumptions = assumptionsText(model);
  if (assumptions !== undefined) {
    findings.push({ rule: "taken-as-usual", level: "warning", message: assumptions });
  }
  let preprocessing: CheckedModel["preprocessing"] = null;
  try {
    ({ preprocessing } = howSeen(model, given));
  } catch (error) {
    // What was said and does not fit is the caller's to mend; what nobody said is to be told.
    if (!(error instanceof OptionError) || Object.keys(given).length > 0) throw error;
    findings.push({
      rule: "preprocessing-unknown",
      level: "warning",
      message: `${error.message}. ${error.advice ?? "Say it with --mean and --std."}`,
    });
  }
  const { channels, height } = graph.inputShape;
  return {
    findings,
    network: {
      architecture: graph.architecture,
      form,
      classes: graph.classes,
      classNames: file.classNames ?? null,
      image: { size: height, channels },
      parameters: {
        trainable: layout.trainableLength,
        statistics: layout.length - layout.trainableLength,
      },
      network,
      assumed,
      preprocessing,
      stages: stagesToCleanse(model),
    },
  };
}

/** By the default strategy. */
function stagesToCleanse({ graph }: OpenModel): StageToCleanse[] {
  const { strategy } = campaignConfigSchema.parse({ model: "0".repeat(64) }).reinit;
  const ratios = reinitRatios(graph, strategy, 1);
  const { byParameter, count } = depthStages(graph);
  const places = [...Array.from({ length: count }, (_, i) => i + 1), "head" as const];
  return places.map((stage) => {
    const concerned = graph.parameters.filter(
      ({ name, role }) => isReinitialised(role) && byParameter.get(name) === stage,
    );
    const values = concerned.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    const changed = concerned.reduce(
      (sum, { name, shape }) => sum + ratios.get(name)! * sizeOf(shape),
      0,
    );
    return { stage: String(stage), values, share: values === 0 ? 0 : changed / values };
  });
}
