import { areAverages } from "../networks/averages.ts";
import { isRecord, type PickleValue } from "../pickle/pickle-values.ts";
import { isModule, isScripted, moduleTensors } from "./module-tensors.ts";
import { attributeDict, textEntries } from "./records.ts";
import { TensorBudget } from "./tensor-budget.ts";
import { faultOfTensor, tensorOf, type StoredTensor } from "./tensor-records.ts";

/** Tensors by name, and where in a checkpoint they stand. */
export interface StateDict {
  /** Keys from the top: `[]` for the file itself. */
  readonly path: readonly string[];
  /** What it is, for people. */
  readonly form: "state dict" | "whole module" | "TorchScript module";
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** What is wrong with tensors that it has and that are not read, by name. */
  readonly faults: ReadonlyMap<string, string>;
}

/** How deep state dicts are sought, and in how many items of a list. */
const DEEPEST = 4;
const MOST_ITEMS = 64;

/** Keys under which people keep the weights. */
const USUAL =
  /^(state_?dict|(model|net|network|classifier)(_state)?(_?dict)?|net_?c|module|weights|params|student)$/i;
/** Keys of what has tensors and is no network. */
const ASIDE = /^(opt|optim.*|.*optimi[sz]er.*|.*scheduler.*|.*scaler|bd_.*|clean_.*)$/i;

/**
 * All state dicts and whole networks in what a file holds, optimisers and data sets apart.
 *
 * @throws ProtocolError `malformed-model` for a tensor that is none.
 */
export function stateDicts(root: PickleValue): StateDict[] {
  const found: StateDict[] = [];
  const budget = new TensorBudget();
  const seen = new Set<PickleValue>();
  // A list that grows while it is gone through: those nearer to the top come first.
  const waiting: { value: PickleValue; path: readonly string[] }[] = [{ value: root, path: [] }];
  for (const { path, value: record } of waiting) {
    if (typeof record !== "object" || seen.has(record)) continue;
    seen.add(record);
    if (isRecord(record, "object") && isModule(record)) {
      const form = isScripted(record) ? "TorchScript module" : "whole module";
      const { faults, tensors } = moduleTensors(record, budget);
      found.push({ path, form, tensors, faults });
      continue;
    }
    const value = holderOf(record);
    if (value !== record && seen.has(value)) continue;
    seen.add(value);
    const tensors = new Map<string, StoredTensor>();
    const faults = new Map<string, string>();
    for (const [key, item] of membersOf(value)) {
      const tensor = tensorOf(item);
      const fault = tensor === undefined ? faultOfTensor(item) : undefined;
      if (fault !== undefined) {
        budget.takeTensor(key);
        faults.set(key, fault);
      } else if (tensor !== undefined) {
        budget.takeTensor(key);
        tensors.set(key, tensor);
      } else if (path.length < DEEPEST && !ASIDE.test(key))
        waiting.push({ value: item, path: [...path, key] });
    }
    if (tensors.size + faults.size > 0) found.push({ path, form: "state dict", tensors, faults });
  }
  return found.filter(({ faults, tensors }) => faults.size > 0 || hasWeights(tensors));
}

/** What holds an object's attributes, where these are what it has; several may share it. */
function holderOf(record: PickleValue): PickleValue {
  return (isRecord(record, "object") ? attributeDict(record) : undefined) ?? record;
}

/** What a record holds, by name: entries, or the first items of a list. */
function membersOf(value: PickleValue): Iterable<readonly [string, PickleValue]> {
  if (isRecord(value, "list") || isRecord(value, "tuple")) {
    return value.items.slice(0, MOST_ITEMS).map((item, index) => [String(index), item] as const);
  }
  return isRecord(value, "dict") || isRecord(value, "object") ? textEntries(value) : [];
}

function hasWeights(tensors: ReadonlyMap<string, StoredTensor>): boolean {
  return [...tensors.values()].some(({ dtype }) => dtype.values === "floats");
}

/** How likely a state dict is the one that is meant, by where it stands: the lower, the likelier. */
function standing(path: readonly string[]): number {
  if (areAverages(path)) return 3;
  if (path.length === 0) return 0;
  return path.every((key) => USUAL.test(key)) ? 1 : 2;
}

/**
 * State dicts by where they stand (SPEC T5): the one at the top of the file, those under keys that are
 * usual for a model's weights, those under others, averages and copies of earlier; of equals the larger,
 * then the first.
 */
export function likeliestFirst(found: readonly StateDict[]): StateDict[] {
  return found.toSorted((a, b) => standing(a.path) - standing(b.path) || sizeOf(b) - sizeOf(a));
}

/** The likeliest of those with at least half as many tensors as the largest. */
export function chosenStateDict(found: readonly StateDict[]): StateDict | undefined {
  const most = found.reduce((size, one) => Math.max(size, sizeOf(one)), 0);
  return likeliestFirst(found.filter((one) => 2 * sizeOf(one) >= most))[0];
}

function sizeOf({ faults, tensors }: StateDict): number {
  return tensors.size + faults.size;
}
