import { ProtocolError } from "../../errors.ts";
import type { Finding } from "../finding.ts";
import { listed, quoted } from "../listed.ts";
import type { ModelFile, TensorSet } from "../model-file.ts";
import { areAverages } from "../networks/averages.ts";
import { takenFrom } from "../networks/taken-from.ts";
import { judgePickle } from "../pickle/judge-pickle.ts";
import { asGlobal, globalName, isRecord, type PickleValue } from "../pickle/pickle-values.ts";
import type { ReadPickle } from "../pickle/read-pickle.ts";
import { checkpointHints } from "./checkpoint-hints.ts";
import { isScripted } from "./module-tensors.ts";
import { readWeights } from "./read-weights.ts";
import { attributesOf, textEntries } from "./records.ts";
import { restoredWeights } from "./restore-weights.ts";
import { chosenStateDict, likeliestFirst, stateDicts, type StateDict } from "./state-dicts.ts";
import type { Storages } from "./storages.ts";
import { areOneView, storagesOf, tensorOf, type StoredTensor } from "./tensor-records.ts";
import { checkStorages, namedTensors, namesInCommon, weightsOf } from "./weights.ts";

/** What a PyTorch file is, its pickle read. */
export interface TorchContent {
  readonly kind: string;
  readonly extension: string;
  readonly storages: Storages;
  readonly pickle: ReadPickle;
  /** Where the pickle lies, for findings. */
  readonly place: string;
}

/**
 * A model of what `torch.save` wrote: the state dict in it, wherever it stands (SPEC T5).
 *
 * @throws ProtocolError `unsafe-model` for a pickle that could run code, `unsupported-model` for one that
 *   holds no weights.
 */
export function torchFile(content: TorchContent): ModelFile {
  const { pickle, place } = content;
  const judged = judgePickle(pickle, place);
  storagesOf(pickle.persistents);
  const found = stateDicts(pickle.value);
  const chosen = chosenStateDict(found);
  if (chosen === undefined) throw noWeights(pickle.value);
  if (found.length === 1) {
    const where = chosen.path.join(".");
    const from = chosen.path.length > 0 ? [takenFrom(nameOf(chosen), [], where)] : [];
    return fileOf(content, [...judged, ...from], chosen, () => Promise.resolve([]));
  }
  const dicts = new Map<TensorSet, StateDict>();
  for (const dict of likeliestFirst(found).slice(0, MOST_SETS)) {
    const set: TensorSet = {
      prefix: prefixOf(dict),
      isAverage: areAverages(dict.path),
      tensors: namedTensors(dict.tensors),
      open: (copies) =>
        fileOf(content, judged, dict, async () => (await copies()).map((copy) => dicts.get(copy)!)),
    };
    dicts.set(set, dict);
  }
  const others = found.filter(
    (other) => other !== chosen && 2 * other.tensors.size >= chosen.tensors.size,
  );
  const from =
    others.length > 0 || chosen.path.length > 0
      ? [takenFrom(nameOf(chosen), others.map(nameOf), chosen.path.join("."))]
      : [];
  return {
    ...fileOf(content, [...judged, ...from], chosen, () => Promise.resolve([])),
    sets: [...dicts.keys()],
    storedOnce: (name, other) => areOneView(tensorAt(dicts, name), tensorAt(dicts, other)),
  };
}

/** More are looked through by none. */
const MOST_SETS = 64;

/** What stands for a state dict's keys from the top; a dot alone for the top itself. */
function prefixOf({ path }: StateDict): string {
  return `${path.join(".")}.`;
}

/** A tensor by its set's prefix and its name. */
function tensorAt(
  dicts: ReadonlyMap<TensorSet, StateDict>,
  name: string,
): StoredTensor | undefined {
  for (const [{ prefix }, { tensors }] of dicts) {
    const tensor = name.startsWith(prefix) ? tensors.get(name.slice(prefix.length)) : undefined;
    if (tensor !== undefined) return tensor;
  }
  return undefined;
}

/**
 * A state dict by itself.
 *
 * @param copies those that get the same new values
 */
function fileOf(
  { extension, kind, pickle, storages }: TorchContent,
  told: readonly Finding[],
  dict: StateDict,
  copies: () => Promise<readonly StateDict[]>,
): ModelFile {
  const { faults, tensors } = dict;
  for (const [name, fault] of faults) {
    throw new ProtocolError("unsupported-model", `tensor ${quoted(name)} ${fault}`);
  }
  checkStorages(tensors, storages);
  const weights = weightsOf(tensors);
  const hints = checkpointHints(pickle.value);
  return {
    kind,
    extension,
    totalBytes: storages.source.totalBytes,
    tensors: namedTensors(tensors),
    ...hints,
    findings: [
      ...told,
      ...formFindings(dict),
      ...roundingFindings(tensors),
      ...commonFindings([...namesInCommon(weights.values())]),
      ...hints.findings,
    ],
    storedOnce: (name, other) => areOneView(tensors.get(name), tensors.get(other)),
    read: (parts) => readWeights(storages, weights, parts),
    restore: async function* (values) {
      const all = [weights, ...(await copies()).map((copy) => weightsOf(copy.tensors))];
      yield* restoredWeights(
        storages,
        all.flatMap((some) => Array.from(some.values())),
        values,
      );
    },
  };
}

function noWeights(root: PickleValue): ProtocolError {
  return new ProtocolError(
    "unsupported-model",
    `no weights of a model are in this PyTorch file: it holds ${contentOf(root)}. torch.save(model.state_dict(), FILE) writes one that is read`,
  );
}

function contentOf(root: PickleValue): string {
  if (isRecord(root, "dict") && root.entries.length > 0) {
    const entries = textEntries(root);
    if (entries.size === 0)
      return `${root.entries.length} entries whose keys are no names: a state dict has names`;
    const arrays = [...entries].filter(([, value]) => isArray(value)).map(([name]) => name);
    return arrays.length === 0
      ? listed([...entries.keys()].map(quoted))
      : `NumPy arrays (${listed(arrays.map(quoted))}) in place of tensors: make each one with torch.from_numpy, or load them into the network`;
  }
  if (tensorOf(root) !== undefined) return "one tensor without a name";
  if (!isRecord(root, "object")) return "something else";
  if (isScripted(root)) return "TorchScript whose weights are constants of its code (frozen)";
  const attributes = [...attributesOf(root).keys()];
  return attributes.length > 0
    ? `an object with ${listed(attributes.map(quoted))}`
    : "an object of another kind";
}

/** Whether it is an array of NumPy's, however that is pickled. */
function isArray(value: PickleValue): boolean {
  const maker = isRecord(value, "object") ? asGlobal(value.maker) : undefined;
  return maker !== undefined && /^numpy\..*\.(_reconstruct|_frombuffer)$/.test(globalName(maker));
}

function nameOf({ path, form }: StateDict): string {
  return path.length === 0 ? `the file's own ${form}` : quoted(path.join("."));
}

function formFindings({ form, path }: StateDict): Finding[] {
  if (form === "state dict") return [];
  return [
    {
      rule: "module-by-names",
      level: "note",
      message: `the file holds a ${form}: its tensors and their names are taken, what its code does with them is not read`,
      where: path.join("."),
    },
  ];
}

function roundingFindings(tensors: ReadonlyMap<string, StoredTensor>): Finding[] {
  const rounded = [...tensors].filter(([, { dtype }]) => dtype.encoding === "F64");
  if (rounded.length === 0) return [];
  return [
    {
      rule: "float64-weights",
      level: "note",
      message: `${rounded.length} of ${tensors.size} tensors are float64: they are computed with as float32, and written back as float64; a value that does not change keeps all its digits`,
      where: rounded[0]![0],
    },
  ];
}

function commonFindings(names: readonly string[]): Finding[] {
  if (names.length === 0) return [];
  return [
    {
      rule: "shared-values",
      level: "note",
      message: `${listed(names.map(quoted))} share their values in the file, and do so in the result`,
      where: names[0]!,
    },
  ];
}
