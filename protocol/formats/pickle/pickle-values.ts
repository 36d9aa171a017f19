/**
 * What a pickle says, as inert records: a class is its name, an object the class, arguments and state it
 * would be made of. Nothing is looked up, nothing called (SPEC T2).
 */
export type PickleValue =
  | null
  | boolean
  | number
  /** Whole numbers that are not exact as numbers. */
  | bigint
  | string
  /** Bytes, and text that is very long or no Unicode: a view of the pickle. */
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleSet
  | PickleDict
  | PickleGlobal
  | PickleObject
  | PicklePersistent;

export interface PickleList {
  readonly kind: "list";
  readonly items: PickleValue[];
}

interface PickleTuple {
  readonly kind: "tuple";
  readonly items: readonly PickleValue[];
}

export interface PickleSet {
  readonly kind: "set";
  readonly items: PickleValue[];
}

/** Keys as they were set: of two that are alike, the later one counts. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: (readonly [key: PickleValue, value: PickleValue])[];
}

/** A class or function by its name. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly module: string;
  readonly name: string;
  /** Where in the file it is named. */
  readonly at: number;
}

/** How an object would be made. */
export type Making =
  /** By calling what the record names: whatever that does. */
  | "call"
  /** By `cls.__new__`, without the class's own beginning. */
  | "new";

export interface PickleObject {
  readonly kind: "object";
  readonly making: Making;
  /** What would make it: mostly a global. */
  readonly maker: PickleValue;
  readonly args: readonly PickleValue[];
  /** Where in the file it would be made. */
  readonly at: number;
  /** What it would be told of itself: attributes, mostly. */
  state: PickleValue | undefined;
  /** What would be appended to it. */
  readonly items: PickleValue[];
  /** What would be set in it, as in a dict. */
  readonly entries: (readonly [key: PickleValue, value: PickleValue])[];
}

/** A thing that lies outside the pickle, by what the pickle calls it. */
export interface PicklePersistent {
  readonly kind: "persistent";
  readonly id: PickleValue;
}

/** Whether a value is a record of this kind. */
export function isRecord<Kind extends Extract<PickleValue, { kind: string }>["kind"]>(
  value: PickleValue | undefined,
  kind: Kind,
): value is Extract<PickleValue, { kind: Kind }> {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}

/** The name that a pickle has for a class or function, with its module's. */
export function globalName({ module, name }: Pick<PickleGlobal, "module" | "name">): string {
  return `${module}.${name}`;
}

/** A class or function; in files before PyTorch 1.6 a module's class comes with its source. */
export function asGlobal(value: PickleValue | undefined): PickleGlobal | undefined {
  if (isRecord(value, "global")) return value;
  if (!isRecord(value, "persistent") || !isRecord(value.id, "tuple")) return undefined;
  const [kind, type] = value.id.items;
  return kind === "module" && isRecord(type, "global") ? type : undefined;
}
