import {
  isRecord,
  type PickleDict,
  type PickleObject,
  type PickleValue,
} from "../pickle/pickle-values.ts";

/** What has keys: a dict, or an object that is filled like one (`OrderedDict`, `AttributeDict`). */
export type Mapping = PickleDict | PickleObject;

/** The entries of a mapping that have text for a key, the last of those that are alike. */
export function textEntries(mapping: Mapping): ReadonlyMap<string, PickleValue> {
  const before = known.get(mapping);
  if (before !== undefined) return before;
  const found = new Map<string, PickleValue>();
  for (const [key, value] of mapping.entries) if (typeof key === "string") found.set(key, value);
  known.set(mapping, found);
  return found;
}

/** What was gone through already: a pickle may have one dict in very many places. */
const known = new WeakMap<Mapping, ReadonlyMap<string, PickleValue>>();

/** An object's attributes by name: none of one that has entries or items, which are what it holds. */
export function attributesOf(object: PickleObject): ReadonlyMap<string, PickleValue> {
  const attributes = attributeDict(object);
  return attributes === undefined ? new Map() : textEntries(attributes);
}

/** The dict of an object's attributes, which others may have too. */
export function attributeDict({ entries, items, state }: PickleObject): PickleDict | undefined {
  if (entries.length > 0 || items.length > 0) return undefined;
  // With slots, the state is a pair of dicts.
  const plain = isRecord(state, "tuple") ? state.items[0] : state;
  return isRecord(plain, "dict") ? plain : undefined;
}
