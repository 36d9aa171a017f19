import type { NamedTensor } from "../../model/named-tensor.ts";
import type { FolderFormat, FolderModel } from "../bundle/folder-format.ts";
import { readJson, type Folder } from "../bundle/folder.ts";
import type { FoldedNorms } from "../model-file.ts";
import type { EntryContent } from "../zip/rewrite-zip.ts";
import { drawAtAny, drawModel } from "./draw-model.ts";
import { newGrids } from "./grids.ts";
import { readManifest, shardPaths, type Manifest } from "./manifest.ts";
import type { NetworkBuilder } from "./network-builder.ts";
import { unsupported } from "./unsupported.ts";
import { quantisationFindings } from "./quantisation-findings.ts";
import { isFloatWeight, readWeights, type FloatWeight } from "./read-weights.ts";
import { smallConstants } from "./small-constants.ts";
import { WeightsRestorer } from "./restore-weights.ts";
import { teachableMachine, TEACHABLE } from "./teachable-machine.ts";
import { widenedFolder } from "./widen.ts";

const USUAL = "model.json";

/**
 * Models of TensorFlow.js: `model.json` with the topology (of Keras, or a graph of TensorFlow's
 * operations) and a manifest of the weights in the files beside it.
 */
export const tfjs: FolderFormat = {
  name: "TensorFlow.js",
  usual: [USUAL],
  mains: (names) =>
    names.includes(USUAL) ? [USUAL] : names.filter((name) => /[-_.]model\.json$/i.test(name)),
  members: async (folder, main) => {
    const { content } = await readJson(folder, main);
    const beside = folder.names.includes(TEACHABLE) ? [TEACHABLE] : [];
    return [main, ...shardPaths(content), ...beside];
  },
  open: openTfjs,
  widened: widenedFolder,
};

const FOLDED_NORMS: FoldedNorms = {
  rule: "tfjs-without-norms",
  keptBy: "a layers model (tfjs.converters.save_keras_model) keeps them",
};

async function openTfjs(folder: Folder, main: string): Promise<FolderModel> {
  const json = await readJson(folder, main);
  const manifest = await readManifest(folder, main, json.content);
  const constants = await smallConstants(manifest);
  const drawAt = (side: number) => drawModel(json, manifest, constants, side);
  const { graph, isGraphModel, kind, net } = drawAtAny(drawAt);
  const floats = floatWeights(manifest, net);
  const used = [...floats.values()];
  const preprocessing = net.scaling.isNone
    ? undefined
    : net.scaling.preprocessing(graph.inputShape.channels);
  const findings = quantisationFindings(json, used);
  if (preprocessing !== undefined) {
    findings.push({
      rule: "preprocessing-in-graph",
      level: "note",
      message: `the network begins by scaling pixels (range ${preprocessing.range}, mean ${String(preprocessing.mean)}, std ${String(preprocessing.std)}): that is taken as its preprocessing`,
    });
  }
  return {
    kind,
    ...(isGraphModel && { foldedNorms: FOLDED_NORMS }),
    tensors: used.map(({ axes, dtype, name, storage }): NamedTensor => ({
      name,
      shape: axes.shape,
      dtype: storage.kind === dtype ? dtype : `${dtype} as ${storage.kind}`,
      values: "floats",
    })),
    graph: net.isSizeOpen ? (side) => drawAt(side).graph : graph,
    metadata: new Map(),
    ...(preprocessing && { preprocessing }),
    ...(await teachableMachine(folder)),
    findings,
    read: (parts) => readWeights(manifest, floats, parts),
    restore: async (values) => {
      const { grids, json: text } = await newGrids(json, used, values);
      const contents = new Map<string, EntryContent>([[main, () => inOnePiece(text)]]);
      for (const [group, { shards }] of manifest.groups.entries()) {
        for (const shard of shards) {
          contents.set(shard.path, () =>
            new WeightsRestorer(manifest, floats, values, grids).shard(group, shard),
          );
        }
      }
      return contents;
    },
  };
}

async function* inOnePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** The weights that the network has as its parameters; all others stay as they are. */
function floatWeights(
  { weights }: Manifest,
  net: NetworkBuilder,
): ReadonlyMap<string, FloatWeight> {
  const floats = new Map<string, FloatWeight>();
  for (const weight of weights) {
    const axes = net.axes.get(weight.name);
    if (axes === undefined) continue;
    if (!isFloatWeight(weight)) {
      throw unsupported(`the weight '${weight.name}' is ${weight.dtype}, and no float`);
    }
    floats.set(weight.name, { ...weight, axes });
  }
  return floats;
}
