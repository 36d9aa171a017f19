import type { NamedTensor } from "../../model/named-tensor.ts";
import { cleanText } from "../../text.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Finding } from "../finding.ts";
import type { FoldedNorms, ModelFile } from "../model-file.ts";
import { drawNetwork, unsupported, type Drawn } from "./draw.ts";
import { isSizeOpen } from "./image-input.ts";
import { readModel, type OnnxModel } from "./model-proto.ts";
import type { FileParameter } from "./network.ts";
import { readParts, type Sources, type StoredValues } from "./read-values.ts";
import type { Normalised } from "./symbols.ts";
import { malformed, WireReader } from "./wire.ts";

/** Versions of ONNX's own operations whose meaning is known here. */
const OPSETS = { least: 9, most: 21 } as const;

/** Sizes at which a network is drawn to see its tensors, where its file leaves the size open. */
const TRIED_SIZES = [224, 32, 64, 28, 96, 128, 256, 48] as const;

/** A model of which all is known but how it is written. */
export interface OpenedOnnx {
  readonly inside: Omit<ModelFile, "totalBytes" | "extension" | "restore" | "sets">;
  /** Where its parameters' values lie. */
  readonly stored: readonly StoredValues[];
}

/**
 * What a file says of itself, without the values of large tensors.
 *
 * @throws ProtocolError `malformed-model`, or `unsupported-model` for another opset.
 */
export async function readOnnx(source: ByteSource): Promise<OnnxModel> {
  const model = await readModel(new WireReader(source));
  const { opset } = model;
  if (opset < OPSETS.least || opset > OPSETS.most) {
    throw unsupported(
      `the file is of opset ${opset}, and Scour reads ${OPSETS.least} to ${OPSETS.most}: export it with such an opset_version, or convert it with onnx.version_converter`,
    );
  }
  return model;
}

/**
 * Draws a model's network, and finds its weights.
 *
 * @param sources the files in which they may lie
 * @throws ProtocolError `malformed-model` or `unsupported-model`.
 */
export function openedOnnx(model: OnnxModel, sources: Sources): OpenedOnnx {
  return isSizeOpen(model) ? ofAnySize(model, sources) : opened(model, drawNetwork(model), sources);
}

/** A file whose network takes images of any size: its tensors are the same at each. */
function ofAnySize(model: OnnxModel, sources: Sources): OpenedOnnx {
  let refused: unknown;
  for (const size of TRIED_SIZES) {
    try {
      const { inside, stored } = opened(model, drawNetwork(model, size), sources);
      return { inside: { ...inside, graph: (side) => drawNetwork(model, side).graph }, stored };
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}

function opened(
  model: OnnxModel,
  { graph, leftOut, normalised, parameters }: Drawn,
  sources: Sources,
): OpenedOnnx {
  const stored = parameters.flatMap((parameter) => storedValues(parameter, sources));
  checkApart(stored);
  const byName = new Map(stored.map((one) => [one.name, one]));
  const seen = normalised && preprocessingOf(normalised);
  return {
    stored,
    inside: {
      kind: kindOf(model),
      tensors: parameters.map(({ name, shape, tensor }): NamedTensor => ({
        name,
        shape,
        dtype: tensor.dtype,
        values: tensor.floats === undefined ? "others" : "floats",
      })),
      graph,
      foldedNorms: FOLDED_NORMS,
      metadata: model.metadata,
      ...(seen && { preprocessing: seen }),
      findings: [...leftOut.map(leftOutFinding), ...(seen ? [normalisationFinding(seen)] : [])],
      read: (parts) => readParts(sources, byName, parts),
    },
  };
}

/** Of two tensors in the same place each could not have values of its own. */
function checkApart(stored: readonly StoredValues[]): void {
  const ends = new Map<string | undefined, StoredValues>();
  for (const tensor of [...stored].sort((a, b) => a.begin - b.begin)) {
    const before = ends.get(tensor.file);
    if (before !== undefined && before.end > tensor.begin) {
      throw malformed(
        `tensors '${before.name}' and '${tensor.name}' lie in the same place of '${tensor.file}'`,
      );
    }
    ends.set(tensor.file, tensor);
  }
}

function leftOutFinding(node: string): Finding {
  return {
    rule: "onnx-behind-logits",
    level: "note",
    message: `${node} stands behind the logits: Scour cleanses what comes before it, and the file keeps it`,
    where: node,
  };
}

/** Most of what a file says of the program that wrote it. */
const MAX_PRODUCER = 60;

function kindOf({ opset, producer }: OnnxModel): string {
  const cleaned = cleanText(producer).slice(0, MAX_PRODUCER);
  return `ONNX (opset ${opset}${cleaned === "" ? "" : `, ${cleaned}`})`;
}

const FOLDED_NORMS: FoldedNorms = {
  rule: "onnx-without-norms",
  keptBy:
    "torch.onnx.export(…, training=TrainingMode.PRESERVE, do_constant_folding=False) keeps them in the file",
};

/** A standard deviation above this is of pixels from 0 to 255. */
const MOST_OF_UNIT = 2;

/** In as few digits as a float32 is told by: .485 is no 0.48500001430511475. */
function short(value: number): number {
  return Number(value.toPrecision(7));
}

/** `factor·x + summand` as `(x − mean)/std`. */
function preprocessingOf({ factors, summands }: Normalised) {
  if (!factors.every((factor) => factor > 0 && Number.isFinite(factor))) {
    throw unsupported(
      "the file's network divides its images by nothing, or turns them into negatives, before it reads them",
    );
  }
  const std = factors.map((factor) => short(1 / factor));
  const mean = summands.map((summand, channel) => short(-summand / factors[channel]! || 0));
  const range = Math.max(...std) > MOST_OF_UNIT ? "bytes" : "unit";
  return { range, mean, std } as const;
}

function normalisationFinding({ mean, range, std }: ReturnType<typeof preprocessingOf>): Finding {
  return {
    rule: "normalisation-in-file",
    level: "note",
    message: `the network begins by normalising its pictures (${range === "bytes" ? "0 to 255" : "0 to 1"}) with mean ${mean.join(", ")} and std ${std.join(", ")}: both are taken as its preprocessing, and stay in the file as they are`,
  };
}

/** Where a parameter's values lie; nowhere if they cannot be read as weights, which others say. */
function storedValues(
  { isTransposed, name, shape, tensor: { floats } }: FileParameter,
  sources: Sources,
): StoredValues[] {
  if (floats === undefined) return [];
  const source = sources.get(floats.file);
  if (source === undefined) {
    throw unsupported(
      `tensor '${name}' lies in another file ('${floats.file}'): name the folder in which both are, or put all into one with onnx.save_model(model, FILE, save_as_external_data=False)`,
    );
  }
  if (floats.end > source.totalBytes) {
    throw malformed(
      `tensor '${name}' ends at byte ${floats.end} of '${floats.file}', which has ${source.totalBytes}: fetch it again`,
    );
  }
  return [{ ...floats, name, shape, isTransposed }];
}
