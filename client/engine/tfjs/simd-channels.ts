import type { Rank, Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-core";
import {
  writeAddition,
  writeChannelAffine,
  writeChannelSums,
  writeInterleave,
} from "../wasm/norm-code.ts";
import type { KernelCache } from "../wasm/kernel-cache.ts";
import type { WasmMemory } from "./host-memory.ts";
import { interleave } from "./input-gradient.ts";

type Shape4D = [number, number, number, number];

const FLOAT = 4;
const LANES = 4;
/** Rows are summed in blocks that stay in the first-level cache from channel to channel. */
const BLOCK_BYTES = 16 * 1024;

/** What is added to x·scale + shift. */
export type SecondTerm =
  | { readonly kind: "add"; readonly values: Tensor4D }
  | { readonly kind: "combine"; readonly values: Tensor4D; readonly factors: Tensor1D };

/** Passes over `[N, H, W, C]` by generated WebAssembly; C in whole fours. */
export class SimdChannels {
  readonly #memory: WasmMemory;
  readonly #kernels: KernelCache;

  constructor(memory: WasmMemory, kernels: KernelCache) {
    this.#memory = memory;
    this.#kernels = kernels;
  }

  /**
   * Σg and Σg·x per channel in float64; without x, Σg and Σg². With a mask, g becomes zero in place
   * where the mask is not positive.
   */
  sums(
    g: Tensor4D,
    x: Tensor4D | undefined,
    mask: Tensor4D | undefined,
  ): { sums: Float64Array; products: Float64Array } {
    const channels = g.shape[3];
    const rows = g.size / channels;
    const scratch = this.#memory.empty<Rank.R1>([4 * channels]);
    const { address, view } = this.#memory;
    view(scratch).fill(0);
    const form = { masked: mask !== undefined, square: x === undefined };
    const key = `sums ${channels} ${form.masked} ${form.square}`;
    const kernel = this.#kernels.kernel(key, 5, (writer) =>
      writeChannelSums(writer, channels, form),
    );
    const rowBytes = channels * FLOAT;
    const block = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes));
    for (let row = 0; row < rows; row += block) {
      const at = row * rowBytes;
      kernel(
        address(g) + at,
        x ? address(x) + at : 0,
        mask ? address(mask) + at : 0,
        address(scratch),
        Math.min(block, rows - row),
      );
    }
    const { buffer } = this.#memory.memory;
    const totals = new Float64Array(buffer, address(scratch), 2 * channels).slice();
    scratch.dispose();
    return { sums: totals.subarray(0, channels), products: totals.subarray(channels) };
  }

  /** out = x·scale + shift + second, rectified if asked; `out` may be x. */
  affine(
    x: Tensor4D,
    scale: Tensor1D,
    shift: Tensor1D,
    second: SecondTerm | undefined,
    relu: boolean,
    out: Tensor4D,
  ): void {
    const channels = x.shape[3];
    const form = { second: second?.kind ?? ("none" as const), relu };
    const key = `affine ${channels} ${form.second} ${relu}`;
    const kernel = this.#kernels.kernel(key, 7, (writer) =>
      writeChannelAffine(writer, channels, form),
    );
    const { address } = this.#memory;
    kernel(
      address(x),
      second ? address(second.values) : 0,
      address(scale),
      second?.kind === "combine" ? address(second.factors) : 0,
      address(shift),
      address(out),
      x.size / channels,
    );
  }

  /** a ← a + b, rectified if asked. */
  add(a: Tensor, b: Tensor, relu: boolean): void {
    const vectors = Math.floor(a.size / LANES);
    const { address, view } = this.#memory;
    if (vectors > 0) {
      const kernel = this.#kernels.kernel(`add ${relu}`, 3, (writer) =>
        writeAddition(writer, relu),
      );
      kernel(address(a), address(b), vectors);
    }
    const into = view(a);
    const other = view(b);
    for (let i = vectors * LANES; i < a.size; i++) {
      const sum = into[i]! + other[i]!;
      into[i] = relu && sum < 0 ? 0 : sum;
    }
  }

  /** `[N, I, J, s²·C]` → `[N, H, W, C]` with H ≤ s·I and W ≤ s·J. */
  interleave(mixed: Tensor4D, stride: number, shape: Shape4D): Tensor4D {
    const [n, rows, columns] = mixed.shape;
    const [, height, width, channels] = shape;
    const whole = height === stride * rows && width === stride * columns;
    if (!whole || (stride * channels) % LANES !== 0) {
      return interleave(this.#memory, mixed, stride, shape);
    }
    const output = this.#memory.empty<Rank.R4>(shape);
    const run = stride * channels;
    const kernel = this.#kernels.kernel(`interleave ${columns} ${stride} ${run}`, 3, (writer) =>
      writeInterleave(writer, columns, stride, run),
    );
    kernel(this.#memory.address(mixed), this.#memory.address(output), n * rows);
    return output;
  }
}
