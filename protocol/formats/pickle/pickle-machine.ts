import { PickleCursor } from "./pickle-cursor.ts";
import type {
  Making,
  PickleDict,
  PickleGlobal,
  PickleList,
  PickleObject,
  PicklePersistent,
  PickleSet,
  PickleValue,
} from "./pickle-values.ts";

/** Bounds of what one pickle may say: above any checkpoint, and some 100 MiB of memory at most. */
export const PICKLE_BOUNDS = {
  operations: 4_000_000,
  /** Containers, objects, names, texts. */
  records: 200_000,
  /** Numbers and values that are taken again too. */
  values: 2_000_000,
  /** Of keys and values in dicts. */
  pairs: 400_000,
  remembered: 200_000,
  /** On the stack at once. */
  waiting: 200_000,
  marks: 10_000,
  /** Of one call. */
  arguments: 256,
} as const;

/**
 * The state of the stack machine that a pickle is a program for (Python's `pickletools` documents it).
 * What it makes are records; `globals`, `objects` and `persistents` are all that
 * were named, made and pointed to, used or not.
 */
export class PickleMachine {
  readonly cursor: PickleCursor;
  readonly globals: PickleGlobal[] = [];
  readonly objects: PickleObject[] = [];
  readonly persistents: PicklePersistent[] = [];
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at its marks. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #records = 0;
  #values = 0;
  #pairs = 0;

  /** @param origin where in the file the bytes begin, for messages */
  constructor(bytes: Uint8Array, origin: number) {
    this.cursor = new PickleCursor(bytes, origin);
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= PICKLE_BOUNDS.waiting) throw this.#tooMany("values on its stack");
    this.#values++;
    if (this.#values > PICKLE_BOUNDS.values) throw this.#tooMany("numbers and values");
    this.#stack.push(value);
  }

  /** Counts pairs that go into a dict. */
  countPairs(count: number): void {
    this.#pairs += count;
    if (this.#pairs > PICKLE_BOUNDS.pairs) throw this.#tooMany("keys and values in dicts");
  }

  /** A new record, counted. */
  pushRecord(value: PickleValue): void {
    this.#records++;
    if (this.#records > PICKLE_BOUNDS.records) throw this.#tooMany("values");
    this.push(value);
  }

  pop(): PickleValue {
    const floor = this.#marks.at(-1) ?? 0;
    if (this.#stack.length <= floor) throw this.cursor.malformed("an operation without its value");
    return this.#stack.pop()!;
  }

  top(): PickleValue {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    if (this.#marks.length >= PICKLE_BOUNDS.marks) throw this.#tooMany("open marks");
    this.#marks.push(this.#stack.length);
  }

  /** Whether nothing lies on the last mark. */
  get isAtMark(): boolean {
    return this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length;
  }

  popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.cursor.malformed("an operation without its mark");
    return this.#stack.splice(height);
  }

  remember(index: number): void {
    this.#memo.set(index, this.top());
    if (this.#memo.size > PICKLE_BOUNDS.remembered) throw this.#tooMany("values to remember");
  }

  /** Remembers under the next free number. */
  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined)
      throw this.cursor.malformed(`a value ${index} that was not remembered`);
    this.push(value);
  }

  name(module: string, name: string, at: number): PickleGlobal {
    const named: PickleGlobal = { kind: "global", module, name, at };
    this.globals.push(named);
    this.pushRecord(named);
    return named;
  }

  requireFewArguments(count: number): void {
    if (count > PICKLE_BOUNDS.arguments) throw this.#tooMany("arguments of a call");
  }

  make(making: Making, maker: PickleValue, args: readonly PickleValue[], at: number): void {
    this.requireFewArguments(args.length);
    const object: PickleObject = {
      kind: "object",
      making,
      maker,
      args,
      at,
      state: undefined,
      items: [],
      entries: [],
    };
    this.objects.push(object);
    this.pushRecord(object);
  }

  point(id: PickleValue): void {
    const persistent: PicklePersistent = { kind: "persistent", id };
    this.persistents.push(persistent);
    this.pushRecord(persistent);
  }

  /** What the stack's top has room for. */
  container<Kind extends "list" | "dict" | "set">(
    ...kinds: readonly Kind[]
  ): PickleObject | Extract<PickleList | PickleDict | PickleSet, { kind: Kind }> {
    const value = this.top();
    if (typeof value === "object" && value !== null && "kind" in value) {
      if (value.kind === "object" || (kinds as readonly string[]).includes(value.kind)) {
        return value as PickleObject | Extract<PickleList | PickleDict | PickleSet, { kind: Kind }>;
      }
    }
    throw this.cursor.malformed(`an operation on what is no ${kinds.join(" or ")}`);
  }

  #tooMany(what: string): Error {
    return this.cursor.malformed(
      `too many ${what}`,
      "save the state dict alone, with torch.save(model.state_dict(), FILE)",
    );
  }
}
