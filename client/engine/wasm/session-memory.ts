import type { Operand, Region } from "../program/operands.ts";
import { floatBytes, type Block, type Heap } from "./threads/heap.ts";

/** Pieces of a session's memory: the regions of programs, and what only this backend has. */
export type Piece =
  | Region
  | "velocity"
  | "evaluated"
  | "inspected"
  | "packedWeights"
  | "packedTeacher"
  | "settings";

/**
 * Whose values a program reads: the teacher's and the student's; in the teacher's place an evaluated
 * model's; in the student's an inspected one's.
 */
export type Model = "teacher" | "evaluated" | "inspected";

/** A session's part of the engine's memory. */
export class SessionMemory {
  readonly #heap: Heap;
  readonly #blocks = new Map<Piece, Block>();

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /**
   * Makes sure that a piece has room for `length` floats; what it held is lost if it moves.
   *
   * @returns whether it moved, so that code with its address is of no use any more.
   */
  reserve(piece: Piece, length: number): boolean {
    const block = this.#blocks.get(piece);
    if (block && block.bytes >= floatBytes(length)) return false;
    if (block) this.#heap.free(block);
    // Should there be no memory, then the old block is gone too.
    this.#blocks.delete(piece);
    this.#blocks.set(piece, this.#heap.allocate(floatBytes(length)));
    return true;
  }

  has(piece: Piece): boolean {
    return this.#blocks.has(piece);
  }

  addressOf(piece: Piece): number {
    const block = this.#blocks.get(piece);
    if (!block) throw new Error(`this session has no memory for '${piece}' yet`);
    return block.address;
  }

  /** Byte address of an operand, where programs run on `model`. */
  address({ region, offset }: Operand, model: Model): number {
    return this.addressOf(pieceOf(region, model)) + floatBytes(offset);
  }

  /** The floats of an operand, until anything is reserved. */
  floats(operand: Operand, model: Model): Float32Array {
    return this.#heap.floats(this.address(operand, model), operand.length);
  }

  /** The first floats of a piece, until anything is reserved. */
  view(piece: Piece, length: number): Float32Array {
    return this.#heap.floats(this.addressOf(piece), length);
  }

  free(): void {
    for (const block of this.#blocks.values()) this.#heap.free(block);
    this.#blocks.clear();
  }
}

function pieceOf(region: Region, model: Model): Piece {
  if (region === "teacher" && model === "evaluated") return "evaluated";
  if (region === "student" && model === "inspected") return "inspected";
  return region;
}
