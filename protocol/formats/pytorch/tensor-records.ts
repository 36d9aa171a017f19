import { ProtocolError } from "../../errors.ts";
import { asGlobal } from "../pickle/judge-pickle.ts";
import { globalName, isRecord, type PickleValue } from "../pickle/pickle-values.ts";
import { storageDtype, torchDtype, type TorchDtype } from "./torch-dtypes.ts";

/** Values in a row that tensors are views of, outside the pickle. */
export interface Storage {
  readonly key: string;
  readonly bytes: number;
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

/**
 * The tensor that a record would become; undefined for what is none, or is one without a storage of its
 * own (sparse, quantised, on no device).
 *
 * @throws ProtocolError `malformed-model` for one that reaches out of its storage, or is not of numbers.
 */
export function tensorOf(value: PickleValue | undefined): StoredTensor | undefined {
  let record = value;
  for (let depth = 0; depth < MOST_WRAPPED; depth++) {
    if (!isRecord(record, "object")) return undefined;
    const { args, at } = record;
    const maker = nameOf(record.maker);
    if (TYPED.has(maker)) return viewOf(args, undefined, at);
    if (maker === "torch._utils._rebuild_tensor_v3") return viewOf(args, nameOf(args[6]), at);
    if (WRAPPERS.has(maker)) {
      record = args[0];
    } else if (SUBCLASSES.has(maker)) {
      const [rebuild, , rebuilt] = args;
      if (!isRecord(rebuilt, "tuple")) return undefined;
      record = { ...record, maker: rebuild ?? null, args: rebuilt.items };
    } else {
      return undefined;
    }
  }
  return undefined;
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
  const { bytes, key } = storage;
  return { storage: { key, bytes }, dtype, offset: first, shape: extents, strides: steps };
}

function isIndex(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The numbers of a tuple, of a list, or of a `torch.Size` of either. */
function indices(value: PickleValue | undefined): readonly number[] | undefined {
  if (isRecord(value, "object") && nameOf(value.maker) === "torch.Size")
    return indices(value.args[0]);
  if (!isRecord(value, "tuple") && !isRecord(value, "list")) return undefined;
  const items: readonly PickleValue[] = value.items;
  const numbers = items.filter(isIndex);
  return numbers.length <= MOST_AXES && numbers.length === items.length ? numbers : undefined;
}

/**
 * A storage by its persistent id `('storage', class, key, device, values, view)`, of which the last is
 * there in old files alone.
 */
export function storageOf(
  value: PickleValue | undefined,
): (Storage & { readonly dtype: TorchDtype; readonly first: number }) | undefined {
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
