import { ProtocolError } from "../../errors.ts";
import { cutText } from "../../text.ts";
import {
  asGlobal,
  isRecord,
  type PickleObject,
  type PickleValue,
} from "../pickle/pickle-values.ts";
import { attributesOf, textEntries, type Mapping } from "./records.ts";
import type { TensorBudget } from "./tensor-budget.ts";
import { faultOfTensor, tensorOf, type StoredTensor } from "./tensor-records.ts";

/** How deep modules may stand in each other. */
const DEEPEST = 64;

/** Longest name in a sentence. */
const MOST_SHOWN = 120;

/** Whether an object is a whole network: a pickled `nn.Module`, or one of TorchScript. */
export function isModule(object: PickleObject): boolean {
  return isScripted(object) || hasMembers(attributesOf(object));
}

function hasMembers(attributes: ReadonlyMap<string, PickleValue>): boolean {
  return attributes.has("_parameters") && attributes.has("_modules");
}

/** Whether an object is of a class that TorchScript compiled. */
export function isScripted({ maker }: PickleObject): boolean {
  return asGlobal(maker)?.module.split(".", 1)[0] === "__torch__";
}

/**
 * The tensors of a whole network by the names that its state dict would have: parameters, then buffers,
 * then those of the modules in it, as they stand.
 *
 * @throws ProtocolError `malformed-model` when modules stand in themselves, or hold more than the budget.
 */
export function moduleTensors(
  root: PickleObject,
  budget: TensorBudget,
): {
  readonly tensors: Map<string, StoredTensor>;
  /** What is wrong with those that are not read. */
  readonly faults: Map<string, string>;
} {
  const tensors = new Map<string, StoredTensor>();
  const faults = new Map<string, string>();
  const waiting = [{ module: root, prefix: "", depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { depth, module, prefix } = next;
    if (depth > DEEPEST) {
      throw new ProtocolError(
        "malformed-model",
        `the network's modules stand more than ${DEEPEST} deep in each other, at '${cutText(prefix, MOST_SHOWN)}'`,
      );
    }
    const { gone, modules, values } = membersOf(module);
    // One that stands in several places counts in each.
    budget.takeMembers(gone + 1, prefix);
    for (const [name, value] of values) {
      const tensor = tensorOf(value);
      if (tensor === undefined) {
        const fault = faultOfTensor(value);
        if (fault !== undefined) faults.set(prefix + name, fault);
        continue;
      }
      budget.takeTensor(prefix + name);
      tensors.set(prefix + name, tensor);
    }
    for (const [name, inner] of modules.toReversed()) {
      waiting.push({ module: inner, prefix: `${prefix}${name}.`, depth: depth + 1 });
    }
  }
  return { tensors, faults };
}

/** What a module holds, and how much was gone through for that. */
function membersOf(module: PickleObject) {
  const attributes = attributesOf(module);
  if (!hasMembers(attributes)) {
    // TorchScript keeps both among the attributes.
    const values = isScripted(module) ? [...attributes] : [];
    return { gone: attributes.size, values, modules: modulesIn(values) };
  }
  const items = setItems(attributes.get("_non_persistent_buffers_set"));
  const unsaved = new Set(items);
  const parameters = entriesIn(attributes.get("_parameters"));
  const buffers = entriesIn(attributes.get("_buffers"));
  const modules = entriesIn(attributes.get("_modules"));
  return {
    gone: items.length + parameters.length + buffers.length + modules.length,
    values: [...parameters, ...buffers.filter(([name]) => !unsaved.has(name))],
    modules: modulesIn(modules),
  };
}

function modulesIn(entries: readonly (readonly [string, PickleValue])[]) {
  return entries.flatMap(([name, value]): (readonly [string, PickleObject])[] =>
    isRecord(value, "object") && isModule(value) ? [[name, value]] : [],
  );
}

function entriesIn(value: PickleValue | undefined): [string, PickleValue][] {
  if (!isRecord(value, "dict") && !isRecord(value, "object")) return [];
  return [...textEntries(value satisfies Mapping)];
}

/** What is in a set, as each protocol writes one. */
function setItems(value: PickleValue | undefined): readonly PickleValue[] {
  if (isRecord(value, "set")) return value.items;
  if (!isRecord(value, "object")) return [];
  const [list] = value.args;
  return isRecord(list, "list") ? list.items : [];
}
