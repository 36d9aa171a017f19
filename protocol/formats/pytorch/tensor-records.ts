import { ProtocolError } from "../../errors.ts";
import {
  asGlobal,
  globalName,
  isRecord,
  type PickleObject,
  type PickleValue,
} from "../pickle/pickle-values.ts";
import { storageDtype, torchDtype, type TorchDtype } from "./torch-dtypes.ts";

/** Values in a row that tensors are views of, outside the pickle. */
export interface Storage {
  readonly key: string;
  readonly bytes: number;
  /** The type of its values by its class; a view may read them as another. */
  readonly dtype: TorchDtype;
}

/** A tensor as its pickle has it: a view of a storage. */
export interface StoredTensor {
  readonly storage: Storage;
  readonly dtype: TorchDtype;
  /** Index of its first value in the storage, by values of its type. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Values from one index of an axis to the next. */
  readonly strides: readonly number[];
}

/** Whether two tensors are the same values of one storage. */
export function areOneView(
  one: StoredTensor | undefined,
  other: StoredTensor | undefined,
): boolean {
  return (
    one !== undefined &&
    one.storage.key === other?.storage.key &&
    one.dtype === other.dtype &&
    one.offset === other.offset &&
    one.shape.join() === other.shape.join() &&
    one.strides.join() === other.strides.join()
  );
}

/** Most axes a tensor may have, as in PyTorch. */
const MOST_AXES = 64;

/** How deep a tensor may be wrapped: a parameter of a subclass with attributes is three. */
const MOST_WRAPPED = 4;

/** What is wrapped around a tensor as the first argument, by what wraps it. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "torch._utils._rebuild_parameter",
  "torch._utils._rebuild_parameter_with_state",
  "torch.nn.parameter.Parameter",
  "torch.nn.parameter.Buffer",
]);

const TYPED: ReadonlySet<string> = new Set([
  "torch._utils._rebuild_tensor",
  "torch._utils._rebuild_tensor_v2",
]);

const SUBCLASSES: ReadonlySet<string> = new Set([
  "torch._tensor._rebuild_from_type",
  "torch._tensor._rebuild_from_type_v2",
]);

/** Tensors without a storage of their own: what they are, and what to do, by what makes them. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map(
  [
    ["_rebuild_sparse_tensor", "is sparse: save it as a whole one, with .to_dense()"],
    [
      "_rebuild_qtensor",
      "is quantised, to be run and not trained: take the float model that it was made from",
    ],
    [
      "_rebuild_meta_tensor_no_storage",
      "is on the device 'meta', without values: load them before the model is saved",
    ],
    [
      "_rebuild_device_tensor_from_numpy",
      "is of a device that is not read: save the model from the CPU, with model.cpu()",
    ],
    [
      "_rebuild_device_tensor_from_cpu_tensor",
      "is of a device that is not read: save the model from the CPU, with model.cpu()",
    ],
  ].map(([maker, fault]) => [`torch._utils.${maker}`, fault!]),
);

/** What is wrong with a tensor that has no storage of its own, as a parameter too; undefined for all else. */
export function faultOfTensor(value: PickleValue | undefined): string | undefined {
  let record = value;
  for (let depth = 0; depth < MOST_WRAPPED && isRecord(record, "object"); depth++) {
    const { args, maker }: PickleObject = record;
    const name = nameOf(maker);
    if (!WRAPPERS.has(name)) return ELSEWHERE.get(name);
    record = args[0];
  }
  return undefined;
}

/** Attributes that are a tensor's values: setting one gives it others. */
const VALUES: ReadonlySet<PickleValue> = new Set(["data", "real", "imag"]);

const known = new WeakMap<PickleObject, { readonly tensor: StoredTensor | undefined }>();

/**
 * The tensor that a record would become; undefined for what is none, or is one without a storage of its
 * own (sparse, quantised, on no device).
 *
 * @throws ProtocolError `malformed-model` for one that reaches out of its storage, is not of numbers, or is
 *   filled or changed after it was made.
 */
export function tensorOf(value: PickleValue | undefined): StoredTensor | undefined {
  if (!isRecord(value, "object")) return undefined;
  const before = known.get(value);
  if (before !== undefined) return before.tensor;
  const tensor = unwrapped(value);
  known.set(value, { tensor });
  return tensor;
}

function unwrapped(object: PickleObject): StoredTensor | undefined {
  let record: PickleValue | undefined = object;
  for (let depth = 0; depth < MOST_WRAPPED; depth++) {
    if (!isRecord(record, "object")) return undefined;
    const { args, at }: PickleObject = record;
    const maker = nameOf(record.maker);
    const isTyped = TYPED.has(maker);
    if (isTyped || maker === "torch._utils._rebuild_tensor_v3") {
      requireUnchanged(record, isTyped ? args[6] : args[7], () => false);
      return viewOf(args, isTyped ? undefined : nameOf(args[6]), at);
    }
    if (WRAPPERS.has(maker)) {
      requireUnchanged(record, args[3], isNoValue);
      record = args[0];
    } else if (SUBCLASSES.has(maker)) {
      const [rebuild, , rebuilt, attributes] = args;
      if (!isRecord(rebuilt, "tuple")) return undefined;
      requireUnchanged(record, attributes, isNoValue);
      record = { ...record, maker: rebuild ?? null, args: rebuilt.items };
    } else {
      return undefined;
    }
  }
  return undefined;
}

/** Whether an attribute with this name is beside the values. */
function isNoValue(key: PickleValue): boolean {
  return !VALUES.has(key);
}

/**
 * That a tensor stays as it is made.
 *
 * @param attributes what its maker sets: a dict, or with slots two
 * @param isHarmless whether what is set by a key leaves the values as they are
 */
function requireUnchanged(
  { at, entries, items, state }: PickleObject,
  attributes: PickleValue | undefined,
  isHarmless: (key: PickleValue) => boolean,
): void {
  const isFilled = state !== undefined || entries.length > 0 || items.length > 0;
  const dicts = isRecord(attributes, "tuple") ? attributes.items : [attributes ?? null];
  const isKept = dicts.every(
    (dict) =>
      dict === null || (isRecord(dict, "dict") && dict.entries.every(([key]) => isHarmless(key))),
  );
  if (!isFilled && isKept) return;
  throw new ProtocolError(
    "malformed-model",
    `the tensor at byte ${at} of the file is given other values or another form after it is made, as PyTorch writes none: save the state dict again, with torch.save(model.state_dict(), FILE)`,
  );
}

function nameOf(value: PickleValue | undefined): string {
  const named = asGlobal(value);
  return named === undefined ? "" : globalName(named);
}

function viewOf(
  [stored, offset, shape, strides]: readonly PickleValue[],
  dtypeName: string | undefined,
  at: number,
): StoredTensor {
  const malformed = (what: string) =>
    new ProtocolError("malformed-model", `the tensor at byte ${at} of the file ${what}`);
  const storage = storageOf(stored);
  if (storage === undefined) throw malformed("has no storage that is read here");
  const dtype =
    dtypeName === undefined ? storage.dtype : torchDtype(dtypeName.replace(/^torch\./, ""));
  if (dtype === undefined) throw malformed(`is of the type '${dtypeName}', which is not known`);
  const extents = indices(shape);
  const steps = indices(strides);
  if (extents === undefined || steps === undefined || extents.length !== steps.length) {
    throw malformed("has a shape or strides that are no whole numbers");
  }
  if (!isIndex(offset)) throw malformed("has an offset that is no whole number");
  const first = offset + storage.first;
  const isEmpty = extents.includes(0);
  const last = first + extents.reduce((sum, extent, axis) => sum + (extent - 1) * steps[axis]!, 0);
  if (!isEmpty && !((last + 1) * dtype.bytes <= storage.bytes)) {
    throw malformed(
      `reaches to value ${last} of storage '${storage.key}', which has ${storage.bytes} bytes`,
    );
  }
  const { bytes, dtype: storedAs, key } = storage;
  return {
    storage: { key, bytes, dtype: storedAs },
    dtype,
    offset: first,
    shape: extents,
    strides: steps,
  };
}

function isIndex(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The numbers of a tuple, of a list, or of a `torch.Size` of either. */
function indices(value: PickleValue | undefined): readonly number[] | undefined {
  const isSize = isRecord(value, "object") && nameOf(value.maker) === "torch.Size";
  const inner = isSize ? value.args[0] : value;
  if (!isRecord(inner, "tuple") && !isRecord(inner, "list")) return undefined;
  const items: readonly PickleValue[] = inner.items;
  if (items.length > MOST_AXES) return undefined;
  const numbers = items.filter(isIndex);
  return numbers.length === items.length ? numbers : undefined;
}

/**
 * A storage by its persistent id `('storage', class, key, device, values, view)`, of which the last is
 * there in old files alone.
 */
function storageOf(
  value: PickleValue | undefined,
): (Storage & { readonly first: number }) | undefined {
  if (!isRecord(value, "persistent") || !isRecord(value.id, "tuple")) return undefined;
  const [kind, type, key, , values, view] = value.id.items;
  // A key is text, or a number in files of TorchScript.
  if (kind !== "storage" || !isIndex(values)) return undefined;
  if (typeof key !== "string" && typeof key !== "number") return undefined;
  const dtype = storageDtype(nameOf(type).split(".").at(-1)!);
  if (dtype === undefined) return undefined;
  const bytes = values * dtype.bytes;
  const stored = { key: String(key), bytes, dtype };
  if (view === undefined || view === null) return { ...stored, first: 0 };
  if (!isRecord(view, "tuple") || !isIndex(view.items[1])) return undefined;
  return { ...stored, first: view.items[1] };
}

/**
 * The storages that a pickle points to, by their keys.
 *
 * @throws ProtocolError `malformed-model` for one of two types or lengths: PyTorch takes the first it meets.
 */
export function storagesOf(persistents: readonly PickleValue[]): ReadonlyMap<string, Storage> {
  const found = new Map<string, Storage>();
  for (const persistent of persistents) {
    const storage = storageOf(persistent);
    if (storage === undefined) continue;
    const other = found.get(storage.key);
    if (other !== undefined && (other.bytes !== storage.bytes || other.dtype !== storage.dtype)) {
      throw new ProtocolError(
        "malformed-model",
        `storage '${storage.key}' has ${other.bytes} bytes of ${other.dtype.name} for one tensor, ${storage.bytes} of ${storage.dtype.name} for another: the file is damaged, fetch it again`,
      );
    }
    found.set(storage.key, storage);
  }
  return found;
}
