import { accessOf } from "./kernels/kernels.ts";
import type { Kernel } from "./kernels/kernels.ts";
import { bytesIn, type Operand } from "./operands.ts";

/** Values: of floats 256 bytes, what WebGPU wants of a binding's offset at most. */
const ALIGNMENT = 64;

/** A buffer of a region that is reused; its offset is set when all kernels are known. */
export class ArenaBuffer implements Operand {
  readonly region: "arena" | "halves";
  readonly length: number;
  #offset: number | undefined;

  constructor(length: number, region: ArenaBuffer["region"] = "arena") {
    this.length = length;
    this.region = region;
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
  readonly region: ArenaBuffer["region"];
  readonly buffers: ArenaBuffer[];
  readonly size: number;
  first: number;
  last: number;
}

export interface ArenaSize {
  /** Floats the arena needs. */
  readonly arenaLength: number;
  /** Halves that activations in binary16 need. */
  readonly halvesLength: number;
  /** Bytes of all buffers together, as if none shared memory. */
  readonly unsharedBytes: number;
}

/**
 * Gives every buffer of the kernels that is reused its place: buffers alive at the same time never overlap,
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
  const lengths = { arena: 0, halves: 0 };
  let unsharedBytes = 0;
  const placed: (Block & { readonly offset: number })[] = [];
  const bySize = blocks.toSorted((a, b) => b.size - a.size || a.first - b.first);
  for (const block of bySize) {
    const alive = placed
      .filter(
        (other) =>
          other.region === block.region && other.first <= block.last && block.first <= other.last,
      )
      .toSorted((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of alive) {
      if (other.offset - offset >= block.size) break;
      offset = Math.max(offset, other.offset + other.size);
    }
    placed.push({ ...block, offset });
    for (const buffer of block.buffers) buffer.placeAt(offset);
    lengths[block.region] = Math.max(lengths[block.region], offset + block.size);
    unsharedBytes += bytesIn(block.region, block.buffers.length * block.size);
  }
  return { arenaLength: lengths.arena, halvesLength: lengths.halves, unsharedBytes };
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
    const { region } = operand;
    blocks.set(operand, { region, buffers: [operand], size, first: index, last: index });
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
      if (from.region !== to.region || from.size !== to.size) continue;
      // One input only: once joined, the output's block begins before this kernel.
      if (from === to || from.last !== index || to.first !== index) continue;
      from.buffers.push(...to.buffers);
      from.last = to.last;
      for (const buffer of to.buffers) blocks.set(buffer, from);
    }
  });
  return [...new Set(blocks.values())];
}
