import { accessOf } from "./access.ts";
import type { Kernel, Operand } from "./program.ts";

/** Floats: 256 bytes, what WebGPU wants of a binding's offset at most. */
const ALIGNMENT = 64;

/** A buffer of the arena; its offset is set when all kernels are known. */
export class ArenaBuffer implements Operand {
  readonly region = "arena";
  readonly length: number;
  #offset: number | undefined;

  constructor(length: number) {
    this.length = length;
  }

  get offset(): number {
    if (this.#offset === undefined) throw new Error("this buffer has no place yet");
    return this.#offset;
  }

  placeAt(offset: number): void {
    this.#offset = offset;
  }
}

/** Buffers that share memory by working in place, live from their first use to their last. */
interface Block {
  readonly buffers: ArenaBuffer[];
  readonly size: number;
  first: number;
  last: number;
}

export interface ArenaSize {
  /** Floats the arena needs. */
  readonly arenaLength: number;
  /** Floats of all buffers together, as if none shared memory. */
  readonly unsharedLength: number;
}

/**
 * Gives every arena buffer of the kernels its place: buffers alive at the same time never overlap,
 * an output takes its input's place where the kernel can work in place and nobody reads the input
 * afterwards. Largest first, each at the lowest free place (greedy by size; Pisarchyk and Lee 2020).
 *
 * @param always buffers that are alive from the first kernel to the last.
 */
export function placeBuffers(
  kernels: readonly Kernel[],
  always: readonly ArenaBuffer[],
): ArenaSize {
  const blocks = blocksOf(kernels, always);
  let arenaLength = 0;
  let unsharedLength = 0;
  const placed: (Block & { readonly offset: number })[] = [];
  const bySize = blocks.toSorted((a, b) => b.size - a.size || a.first - b.first);
  for (const block of bySize) {
    const alive = placed
      .filter((other) => other.first <= block.last && block.first <= other.last)
      .toSorted((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of alive) {
      if (other.offset - offset >= block.size) break;
      offset = Math.max(offset, other.offset + other.size);
    }
    placed.push({ ...block, offset });
    for (const buffer of block.buffers) buffer.placeAt(offset);
    arenaLength = Math.max(arenaLength, offset + block.size);
    unsharedLength += block.buffers.length * block.size;
  }
  return { arenaLength, unsharedLength };
}

function blocksOf(kernels: readonly Kernel[], always: readonly ArenaBuffer[]): Block[] {
  const blocks = new Map<ArenaBuffer, Block>();
  const use = (operand: Operand, index: number): void => {
    if (!(operand instanceof ArenaBuffer)) return;
    const block = blocks.get(operand);
    if (block) {
      block.first = Math.min(block.first, index);
      block.last = Math.max(block.last, index);
      return;
    }
    const size = Math.ceil(operand.length / ALIGNMENT) * ALIGNMENT;
    blocks.set(operand, { buffers: [operand], size, first: index, last: index });
  };
  kernels.forEach((kernel, index) => {
    const { reads, writes } = accessOf(kernel);
    for (const operand of [...reads, ...writes]) use(operand, index);
  });
  for (const buffer of always) {
    use(buffer, 0);
    use(buffer, kernels.length - 1);
  }

  kernels.forEach((kernel, index) => {
    for (const [output, input] of accessOf(kernel).inPlace) {
      if (!(output instanceof ArenaBuffer) || !(input instanceof ArenaBuffer)) continue;
      const from = blocks.get(input)!;
      const to = blocks.get(output)!;
      // One input only: once joined, the output's block begins before this kernel.
      if (from === to || from.last !== index || to.first !== index || from.size !== to.size) {
        continue;
      }
      from.buffers.push(...to.buffers);
      from.last = to.last;
      for (const buffer of to.buffers) blocks.set(buffer, from);
    }
  });
  return [...new Set(blocks.values())];
}
