import { cleanText } from "../../text.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Finding } from "../finding.ts";
import type { Format, ModelFile } from "../model-file.ts";
import { isCoreMl } from "../other-files.ts";
import type { NamedTensor } from "../../model/named-tensor.ts";
import { drawNetwork, unsupported, type Drawn } from "./draw.ts";
import { isSizeOpen } from "./image-input.ts";
import { readModel, type OnnxModel } from "./model-proto.ts";
import type { FileParameter } from "./network.ts";
import type { Normalised } from "./symbols.ts";
import { readParts, type StoredValues } from "./read-values.ts";
import { restoredPieces } from "./restore.ts";
import { WireReader } from "./wire.ts";

/** Versions of ONNX's own operations whose meaning is known here. */
const OPSETS = { least: 9, most: 21 } as const;

/** `ir_version` of the files that are read: the first was 3, opset 21 came with 10. */
const IR_VERSIONS = { least: 3, most: 13 } as const;

/** What begins the second field of a `ModelProto`: its text, its graph, its opsets, in any order. */
const SECOND_FIELDS: ReadonlySet<number> = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42]);

/** Sizes at which a network is drawn to see its tensors, where its file leaves the size open. */
const TRIED_SIZES = [224, 32, 64, 28, 96, 128, 256, 48] as const;

/** ONNX's model files, the needed part of them (SPEC W8). */
export const onnx: Format = {
  name: "ONNX",
  mismatch: (start) => {
    // There is no magic number: what such files begin with is the version of the format, and a second field.
    const [key, version = 0, second = 0] = start;
    const isVersion = key === 0x08 && version >= IR_VERSIONS.least && version <= IR_VERSIONS.most;
    return isVersion && SECOND_FIELDS.has(second) && !isCoreMl(start)
      ? undefined
      : "it does not begin with the version of ONNX's format";
  },
  open: async (source) => {
    const model = await readModel(new WireReader(source));
    const { opset } = model;
    if (opset < OPSETS.least || opset > OPSETS.most) {
      throw unsupported(
        `the file is of opset ${opset}, and Scour reads ${OPSETS.least} to ${OPSETS.most}: export it with such an opset_version, or convert it with onnx.version_converter`,
      );
    }
    return isSizeOpen(model) ? ofAnySize(source, model) : opened(source, model, drawNetwork(model));
  },
};

/** A file whose network takes images of any size: its tensors are the same at each. */
function ofAnySize(source: ByteSource, model: OnnxModel): ModelFile {
  let refused: unknown;
  for (const size of TRIED_SIZES) {
    try {
      const file = opened(source, model, drawNetwork(model, size));
      return { ...file, graph: (asked) => drawNetwork(model, asked).graph };
    } catch (error) {
      refused ??= error;
    }
  }
  throw refused;
}

function opened(
  source: ByteSource,
  model: OnnxModel,
  { graph, leftOut, normalised, parameters }: Drawn,
): ModelFile {
  const seen = normalised && preprocessingOf(normalised);
  const stored = parameters.flatMap(storedValues).sort((a, b) => a.begin - b.begin);
  const byName = new Map(stored.map((one) => [one.name, one]));
  return {
    kind: kindOf(model),
    extension: "onnx",
    totalBytes: source.totalBytes,
    tensors: parameters.map(({ name, shape, tensor }): NamedTensor => ({
      name,
      shape,
      dtype: tensor.dtype,
      values: tensor.floats === undefined ? "others" : "floats",
    })),
    graph,
    metadata: model.metadata,
    ...(seen && { preprocessing: seen }),
    findings: [...leftOut.map(leftOutFinding), ...(seen ? [normalisationFinding(seen)] : [])],
    read: (parts) => readParts(source, byName, parts),
    restore: (values) => restoredPieces(source, stored, values),
  };
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

/** Where a parameter's values lie; nothing where they cannot be read as weights, which others say. */
function storedValues({ isTransposed, name, shape, tensor }: FileParameter): StoredValues[] {
  if (tensor.external !== undefined) {
    throw unsupported(
      `tensor '${name}' lies in another file ('${tensor.external}'): put all into one with onnx.save_model(model, FILE, save_as_external_data=False)`,
    );
  }
  const { floats } = tensor;
  return floats === undefined ? [] : [{ ...floats, name, shape, isTransposed }];
}
