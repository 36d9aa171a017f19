import { CONTAINER_OPERATIONS } from "./container-operations.ts";
import { OBJECT_OPERATIONS } from "./object-operations.ts";
import type { Operation } from "./operation.ts";
import { PICKLE_BOUNDS, PickleMachine } from "./pickle-machine.ts";
import type { PickleGlobal, PickleObject, PicklePersistent, PickleValue } from "./pickle-values.ts";
import { SCALAR_OPERATIONS } from "./scalar-operations.ts";

/** Highest protocol there is (PEP 574). */
const LAST_PROTOCOL = 5;

const STOP = 0x2e;
const PROTO = 0x80;
const FRAME = 0x95;

/** What is never read, and why not. */
const REFUSED: ReadonlyMap<number, string> = new Map([
  [0x82, "a class by a number that only its writer's registry knows"],
  [0x83, "a class by a number that only its writer's registry knows"],
  [0x84, "a class by a number that only its writer's registry knows"],
  [0x97, "data that lie outside of it"],
  [0x98, "data that lie outside of it"],
]);

const OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  Object.entries({ ...SCALAR_OPERATIONS, ...CONTAINER_OPERATIONS, ...OBJECT_OPERATIONS }).map(
    ([code, operation]) => [code.charCodeAt(0), operation],
  ),
);

export interface ReadPickle {
  readonly value: PickleValue;
  /** All classes and functions that it names, in order, used or not. */
  readonly globals: readonly PickleGlobal[];
  /** All objects that it would have made, in order, used or not. */
  readonly objects: readonly PickleObject[];
  /** All that it points to outside of it, in order. */
  readonly persistents: readonly PicklePersistent[];
  /** Where in the file the byte is that follows it. */
  readonly end: number;
}

/**
 * Reads a pickle of any protocol (PEP 3154, PEP 574) up to its end mark, as records (SPEC T2).
 *
 * @param bytes from its first on; they may go on behind its end
 * @param origin where in the file they begin, for messages
 * @throws PickleCutShort when they end before it does.
 * @throws ProtocolError `malformed-model` with the place of what no pickle has or is beyond `PICKLE_BOUNDS`.
 *
 * @example
 * const { value } = readPickle(await archive.read(entry, 2 ** 25), place.begin);
 */
export function readPickle(bytes: Uint8Array, origin: number): ReadPickle {
  const machine = new PickleMachine(bytes, origin);
  const { cursor } = machine;
  for (let done = 0; done < PICKLE_BOUNDS.operations; done++) {
    const { at } = cursor;
    const code = cursor.uint8();
    if (code === STOP) {
      const { globals, objects, persistents } = machine;
      return { value: machine.pop(), globals, objects, persistents, end: cursor.at };
    }
    if (code === PROTO) {
      const protocol = cursor.uint8();
      if (protocol > LAST_PROTOCOL) throw cursor.malformed(`protocol ${protocol}`);
    } else if (code === FRAME) {
      // Frames are for reading ahead; what they hold is read as it comes.
      cursor.uint64();
    } else {
      const operation = OPERATIONS.get(code);
      if (operation === undefined) {
        throw cursor.malformed(REFUSED.get(code) ?? `no operation 0x${code.toString(16)}`);
      }
      operation(machine, at);
    }
  }
  throw cursor.malformed(
    `more than ${PICKLE_BOUNDS.operations} operations`,
    "save the state dict alone, with torch.save(model.state_dict(), FILE)",
  );
}
