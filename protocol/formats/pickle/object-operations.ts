import type { OperationTable } from "./operation.ts";
import type { PickleMachine } from "./pickle-machine.ts";
import { isRecord, type PickleValue } from "./pickle-values.ts";

/** Classes, functions and what they would be told to make: recorded, never looked up. */
export const OBJECT_OPERATIONS: OperationTable = {
  c: (machine, at) => {
    const module = machine.cursor.line();
    machine.name(module, machine.cursor.line(), at);
  },
  "\u0093": (machine, at) => {
    const name = machine.pop();
    const module = machine.pop();
    if (typeof module !== "string" || typeof name !== "string") {
      throw machine.cursor.malformed("a class whose name is no text");
    }
    machine.name(module, name, at);
  },
  R: (machine, at) => {
    const args = popTuple(machine);
    machine.make("call", machine.pop(), args, at);
  },
  // INST: the class by name, its arguments on the mark.
  i: (machine, at) => {
    const module = machine.cursor.line();
    const name = machine.cursor.line();
    const args = machine.popMark();
    machine.name(module, name, at);
    machine.make("call", machine.pop(), args, at);
  },
  o: (machine, at) => {
    const [maker, ...args] = machine.popMark();
    if (maker === undefined) throw machine.cursor.malformed("an object without its class");
    machine.make("call", maker, args, at);
  },
  "\u0081": (machine, at) => {
    const args = popTuple(machine);
    machine.make("new", machine.pop(), args, at);
  },
  "\u0092": (machine, at) => {
    const keywords = machine.pop();
    const args = popTuple(machine);
    if (!isRecord(keywords, "dict")) throw machine.cursor.malformed("keywords that are no dict");
    machine.requireFewArguments(args.length + keywords.entries.length);
    // Given by name they are given all the same.
    machine.make(
      "new",
      machine.pop(),
      [...args, ...keywords.entries.map(([, value]) => value)],
      at,
    );
  },
  b: (machine) => {
    const state = machine.pop();
    const object = machine.top();
    if (!isRecord(object, "object")) {
      throw machine.cursor.malformed("a state for what is no object");
    }
    // Python would set both; nothing writes such.
    if (object.state !== undefined) throw machine.cursor.malformed("a second state for an object");
    object.state = state;
  },
  P: (machine) => machine.point(machine.cursor.line()),
  Q: (machine) => machine.point(machine.pop()),
};

function popTuple(machine: PickleMachine): readonly PickleValue[] {
  const args = machine.pop();
  if (!isRecord(args, "tuple")) throw machine.cursor.malformed("arguments that are no tuple");
  return args.items;
}
