import type { PickleMachine } from "./pickle-machine.ts";

/**
 * What one operation of a pickle does, its code taken already.
 *
 * @param at where in the file the code stands
 */
export type Operation = (machine: PickleMachine, at: number) => void;

/** Operations by the character that is their code in `pickletools`, or its number from 0x80 on. */
export type OperationTable = Readonly<Record<string, Operation>>;
