import {
  isRecord,
  type PickleDict,
  type PickleObject,
  type PickleValue,
} from "../pickle/pickle-values.ts";

/** What has keys: a dict, or an object that is filled like one (`OrderedDict`, `AttributeDict`). */
export type Mapping = PickleDict | PickleObject;

/** The entries of a mapping that have text for a key, the last of those that are alike. */
export function textEntries({ entries }: Mapping): Map<string, PickleValue> {
  const found = new Map<string, PickleValue>();
  for (const [key, value] of entries) if (typeof key === "string") found.set(key, value);
  return found;
}

/** An object's attributes by name: none of one that has entries or items, which are what it holds. */
export function attributesOf(object: PickleObject): Map<string, PickleValue> {
  const { entries, items, state } = object;
  if (entries.length > 0 || items.length > 0) return new Map();
  // With slots, the state is a pair of dicts.
  const plain = isRecord(state, "tuple") ? state.items[0] : state;
  return isRecord(plain, "dict") ? textEntries(plain) : new Map();
}
