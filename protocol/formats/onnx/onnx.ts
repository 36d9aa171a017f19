import type { Format } from "../model-file.ts";
import { isCoreMl } from "../other-files.ts";
import { openedOnnx, readOnnx } from "./open-onnx.ts";
import { restoredPieces } from "./restore.ts";

/** `ir_version` of the files that are read: the first was 3, opset 21 came with 10. */
const IR_VERSIONS = { least: 3, most: 13 } as const;

/** What begins the second field of a `ModelProto`: its text, its graph, its opsets, in any order. */
const SECOND_FIELDS: ReadonlySet<number> = new Set([0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42]);

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
    const { inside, stored } = openedOnnx(await readOnnx(source), new Map([[undefined, source]]));
    return {
      ...inside,
      extension: "onnx",
      totalBytes: source.totalBytes,
      restore: (values) => restoredPieces(source, stored, values),
    };
  },
};
