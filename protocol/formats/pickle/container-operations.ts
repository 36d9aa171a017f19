import type { Operation, OperationTable } from "./operation.ts";
import type { PickleMachine } from "./pickle-machine.ts";
import type { PickleValue } from "./pickle-values.ts";

/** Lists, tuples, dicts, sets, and what the stack needs to fill them. */
export const CONTAINER_OPERATIONS: OperationTable = {
  "(": (machine) => machine.mark(),
  "0": (machine) => {
    if (machine.isAtMark) machine.popMark();
    else machine.pop();
  },
  "1": (machine) => void machine.popMark(),
  "2": (machine) => machine.push(machine.top()),
  "]": (machine) => machine.pushRecord({ kind: "list", items: [] }),
  l: (machine) => machine.pushRecord({ kind: "list", items: machine.popMark() }),
  ")": (machine) => pushTuple(machine, []),
  t: (machine) => pushTuple(machine, machine.popMark()),
  "\u0085": tupleOf(1),
  "\u0086": tupleOf(2),
  "\u0087": tupleOf(3),
  "}": (machine) => machine.pushRecord({ kind: "dict", entries: [] }),
  d: (machine) => {
    const entries = pairsOf(machine, machine.popMark());
    machine.pushRecord({ kind: "dict", entries });
  },
  "\u008f": (machine) => machine.pushRecord({ kind: "set", items: [] }),
  "\u0091": (machine) => machine.pushRecord({ kind: "set", items: machine.popMark() }),
  a: (machine) => {
    const item = machine.pop();
    machine.container("list").items.push(item);
  },
  e: (machine) => addAll(machine, "list"),
  "\u0090": (machine) => addAll(machine, "set"),
  s: (machine) => {
    const value = machine.pop();
    const key = machine.pop();
    machine.countPairs(1);
    machine.container("dict").entries.push([key, value]);
  },
  u: (machine) => {
    const pairs = pairsOf(machine, machine.popMark());
    const { entries } = machine.container("dict");
    for (const pair of pairs) entries.push(pair);
  },
  // PUT and GET.
  p: (machine) => machine.remember(indexOf(machine)),
  q: (machine) => machine.remember(machine.cursor.uint8()),
  r: (machine) => machine.remember(machine.cursor.uint32()),
  "\u0094": (machine) => machine.rememberNext(),
  g: (machine) => machine.recall(indexOf(machine)),
  h: (machine) => machine.recall(machine.cursor.uint8()),
  j: (machine) => machine.recall(machine.cursor.uint32()),
};

function pushTuple(machine: PickleMachine, items: readonly PickleValue[]): void {
  machine.pushRecord({ kind: "tuple", items });
}

function tupleOf(length: number): Operation {
  return (machine) => pushTuple(machine, Array.from({ length }, () => machine.pop()).toReversed());
}

function addAll(machine: PickleMachine, kind: "list" | "set"): void {
  const added = machine.popMark();
  const { items } = machine.container(kind);
  for (const item of added) items.push(item);
}

function pairsOf(machine: PickleMachine, values: readonly PickleValue[]) {
  if (values.length % 2 !== 0) throw machine.cursor.malformed("a key without its value");
  machine.countPairs(values.length / 2);
  const pairs: (readonly [PickleValue, PickleValue])[] = [];
  for (let at = 0; at < values.length; at += 2) pairs.push([values[at]!, values[at + 1]!]);
  return pairs;
}

function indexOf(machine: PickleMachine): number {
  const line = machine.cursor.line();
  if (!/^\d{1,9}$/.test(line)) throw machine.cursor.malformed("a place that is no number");
  return Number(line);
}
