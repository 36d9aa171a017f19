import { cutText } from "../../text.ts";
import {
  ALLOWED_CALLERS,
  ALLOWED_CALLS,
  ALLOWED_MAKERS,
  ALLOWED_PARTIALS,
  DATA_TYPES,
  GENERATOR_CALLS,
  GENERATOR_PARTS,
  PLAIN_CALLS,
} from "./allowed-names.ts";
import {
  asGlobal,
  globalName,
  isRecord,
  type PickleObject,
  type PickleValue,
} from "./pickle-values.ts";

/** Longest name in a sentence. */
const MOST_CHARACTERS = 120;

/** What a pickle would do to a program that opens it as Python does. */
export interface Danger {
  /** What the danger is in, by which it is told once. */
  readonly name: string;
  readonly does: string;
  readonly at: number;
}

/** A name in a sentence: a pickle's may be a page long. */
export function shown(name: string): string {
  return cutText(name, MOST_CHARACTERS);
}

/** What the making and filling of an object would call that is not known to make mere data (SPEC T3.1). */
export function dangerOfMaking(object: PickleObject): Danger | undefined {
  const { args, at, making } = object;
  const maker = asGlobal(object.maker);
  if (maker === undefined) {
    return { name: "", does: "calls something that it has made itself", at };
  }
  const name = globalName(maker);
  if (ALLOWED_CALLS.has(name)) return dangerOfData(name, object);
  if (ALLOWED_CALLERS.has(name)) {
    return dangerOfCaller(name, object);
  }
  if (ALLOWED_MAKERS.has(name)) return dangerOfBare(name, object);
  // Without arguments, what makes a bare object of a class is the same for almost all.
  return making === "new" && args.length === 0
    ? undefined
    : { name, does: `calls ${shown(name)}`, at };
}

/** Of `_rebuild_from_type(function, type, args, attributes)`. */
function dangerOfCaller(name: string, object: PickleObject): Danger | undefined {
  const [called, , given, attributes] = object.args;
  // One that calls another is written by nobody, and might go on without end.
  if (ALLOWED_CALLERS.has(nameOf(called)) || (given !== undefined && !isRecord(given, "tuple"))) {
    return { name, does: `calls ${shown(name)} with something that it may call`, at: object.at };
  }
  const state = object.state ?? attributes ?? undefined;
  return dangerOfMaking({
    ...object,
    making: "call",
    maker: called ?? null,
    args: given?.items ?? [],
    state,
  });
}

/** Of `__newobj__(type, ...args)` and `_reconstructor(type, base, state)`. */
function dangerOfBare(maker: string, object: PickleObject): Danger | undefined {
  const [type, ...others] = object.args;
  const made = (args: readonly PickleValue[]) =>
    dangerOfMaking({ ...object, making: "new", maker: type ?? null, args });
  if (maker.endsWith(".__newobj__")) return made(others);
  // With `object` for its base, it makes what `__newobj__(type)` does; with `dict`, a dict of the state.
  const [base, state] = others;
  const isPlain =
    others.length === 2 && PLAIN_CALLS.has(nameOf(base)) && (state === null || isPlainData(state));
  return made(isPlain ? [] : others);
}

/** Of a call that makes data: what of its arguments it calls or goes through, and what fills the result. */
function dangerOfData(name: string, object: PickleObject): Danger | undefined {
  const { args, at, state } = object;
  const fault =
    state !== undefined && takesNoState(name)
      ? `sets what ${shown(name)} made`
      : areHarmless(name, args) && (name !== "functools.partial" || isHarmlessPartial(state))
        ? undefined
        : `calls ${shown(name)} with something that it may call`;
  return fault === undefined ? undefined : { name, does: fault, at };
}

/** What gives an object that others have too, or that calls what is set in it. */
function takesNoState(name: string): boolean {
  return (
    name === "logging.getLogger" ||
    name === "collections.defaultdict" ||
    name === "torchvision.transforms.functional.InterpolationMode" ||
    name.startsWith("torch.jit._pickle.")
  );
}

function areHarmless(name: string, args: readonly PickleValue[]): boolean {
  if (GENERATOR_CALLS.test(name)) return args.every(isOfGenerator);
  if (name === "functools.partial") {
    const [kept, ...others] = args;
    return ALLOWED_PARTIALS.test(nameOf(kept)) && others.every(isData);
  }
  if (name === "collections.defaultdict") {
    const [made, ...others] = args;
    return (PLAIN_CALLS.has(nameOf(made)) || isPlainData(made)) && others.every(isPlainData);
  }
  return args.every(PLAIN_CALLS.has(name) ? isPlainData : isData);
}

/** What generators of random numbers are made with: a kind of bits, by name or as a class, or made. */
function isOfGenerator(value: PickleValue): boolean {
  if (isRecord(value, "object")) return nameOf(value.maker).endsWith(".__bit_generator_ctor");
  return isText(value) || GENERATOR_PARTS.test(nameOf(value));
}

/** `(function, args, keywords, attributes)`, or nothing. */
function isHarmlessPartial(state: PickleValue | undefined): boolean {
  if (state === undefined) return true;
  if (!isRecord(state, "tuple")) return false;
  return ALLOWED_PARTIALS.test(nameOf(state.items[0]));
}

/** No class or function that could be called, and no object of a class that does what its author chose. */
function isData(value: PickleValue): boolean {
  if (isRecord(value, "object")) {
    const maker = nameOf(value.maker);
    const made = ALLOWED_MAKERS.has(maker) ? nameOf(value.args[0]) : maker;
    return ALLOWED_CALLS.has(made) || ALLOWED_CALLERS.has(made);
  }
  const named = nameOf(value);
  return named === "" || DATA_TYPES.test(named);
}

/** Lists whose items are plain data. */
const plainLists = new WeakMap<object, boolean>();

/**
 * What may be gone through, as `list` or `dict` does to its argument and `dict` to the items of that: no
 * object but plain ones, to which nothing was set.
 */
function isPlainData(value: PickleValue | undefined): boolean {
  if (isRecord(value, "list") || isRecord(value, "tuple") || isRecord(value, "set")) {
    const known = plainLists.get(value);
    if (known !== undefined) return known;
    const items: readonly PickleValue[] = value.items;
    const found = items.every((item) => !isRecord(item, "object") || isPlainObject(item));
    plainLists.set(value, found);
    return found;
  }
  return isRecord(value, "object") ? isPlainObject(value) : nameOf(value) === "";
}

function isPlainObject({ maker, state }: PickleObject): boolean {
  const name = nameOf(maker);
  return state === undefined && (PLAIN_CALLS.has(name) || ALLOWED_ITEMS.has(name));
}

/** Numbers, texts, times and tensors, which nothing comes of that goes through them. */
const ALLOWED_ITEMS: ReadonlySet<string> = new Set(
  [...ALLOWED_CALLS].filter((name) =>
    /^(?:_codecs|datetime|pathlib|decimal|fractions|uuid|numpy\.(?:_?core\.|dtype)|torch\.(?:Size|device)|torch\._utils\._rebuild_(?:tensor|parameter$))/.test(
      name,
    ),
  ),
);

function isText(value: PickleValue): boolean {
  return value === null || typeof value === "string" || value instanceof Uint8Array;
}

function nameOf(value: PickleValue | undefined): string {
  const named = asGlobal(value);
  return named === undefined ? "" : globalName(named);
}
