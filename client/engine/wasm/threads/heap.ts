import { EngineError } from "../../engine-error.ts";
import { MAXIMUM_PAGES } from "../code/module-bytes.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";

const PAGE_BYTES = 65536;
/** 512 MiB: less would not hold a ResNet-18 and its batch. */
const LEAST_MAXIMUM_PAGES = 8192;
/** A line of the cache. */
const ALIGNMENT = 64;
/** Vectors are loaded whole where only some of their lanes exist: the end is never in use. */
const SLACK = 256;

/** Bytes of the memory, from `address` on. */
export interface Block {
  readonly address: number;
  readonly bytes: number;
}

/**
 * The one memory of an engine. It grows when it must and never shrinks; what is freed is used
 * again.
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  /** Free memory by address, no two blocks adjacent. */
  #free: Block[] = [];
  #end = ALIGNMENT;

  /** Bytes that it may grow to. */
  readonly mostBytes: number;

  /** @param shared whether threads share the memory. */
  constructor(shared: boolean) {
    const { maximum, memory } = shared ? sharedMemory() : ownMemory();
    this.memory = memory;
    this.mostBytes = maximum * PAGE_BYTES;
  }

  /** @throws EngineError `device-failed` when there is no more memory. */
  allocate(bytes: number): Block {
    const size = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    const index = this.#free.findIndex((block) => block.bytes >= size);
    if (index >= 0) {
      const { address, bytes: found } = this.#free[index]!;
      const rest = { address: address + size, bytes: found - size };
      this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []));
      return { address, bytes: size };
    }
    const address = this.#end;
    this.#reach(address + size);
    this.#end += size;
    return { address, bytes: size };
  }

  free(block: Block): void {
    const blocks = [...this.#free, block].toSorted((a, b) => a.address - b.address);
    this.#free = [];
    for (const next of blocks) {
      const last = this.#free.at(-1);
      if (last && last.address + last.bytes === next.address) {
        this.#free[this.#free.length - 1] = { ...last, bytes: last.bytes + next.bytes };
      } else {
        this.#free.push(next);
      }
    }
    const last = this.#free.at(-1);
    if (last && last.address + last.bytes === this.#end) {
      this.#end = last.address;
      this.#free.pop();
    }
  }

  /** Floats at an address, to be used before anything is allocated: growing may move them. */
  floats(address: number, length: number): Float32Array<ArrayBufferLike> {
    return new Float32Array(this.memory.buffer, address, length);
  }

  #reach(end: number): void {
    const pages =
      Math.ceil((end + SLACK) / PAGE_BYTES) - this.memory.buffer.byteLength / PAGE_BYTES;
    if (pages <= 0) return;
    try {
      this.memory.grow(pages);
    } catch (cause) {
      const megabytes = Math.round(end / 2 ** 20);
      throw new EngineError(
        "device-failed",
        `WebAssembly cannot have the ${megabytes} MiB of memory this needs; use smaller batches or ` +
          "norm groups, or close other tabs",
        { cause },
      );
    }
  }
}

interface MadeMemory {
  readonly memory: WebAssembly.Memory;
  /** Pages. */
  readonly maximum: number;
}

function ownMemory(): MadeMemory {
  return { memory: new WebAssembly.Memory({ initial: 1 }), maximum: MAXIMUM_PAGES };
}

/** As much as can be had: address space is taken for a shared memory's maximum at once. */
function sharedMemory(): MadeMemory {
  for (let maximum = MAXIMUM_PAGES; ; maximum /= 2) {
    try {
      const memory = new WebAssembly.Memory({ initial: 1, maximum, shared: true });
      return { memory, maximum };
    } catch (error) {
      if (maximum <= LEAST_MAXIMUM_PAGES) throw error;
    }
  }
}

/** Bytes of some floats. */
export function floatBytes(length: number): number {
  return length * FLOAT_BYTES;
}
