import { FunctionWriter, moduleOf } from "./assembler.ts";

/** A generated function; arguments are addresses in bytes and counts. */
export type GeneratedKernel = (...values: number[]) => void;

/**
 * Compiles generated kernels on first use and keeps them: a network has a dozen shapes.
 */
export class KernelCache {
  readonly #memory: WebAssembly.Memory;
  readonly #fused: boolean;
  readonly #kernels = new Map<string, GeneratedKernel>();

  /**
   * @param memory where the kernels' operands lie
   * @param fused whether to multiply and add in one instruction, with one rounding
   */
  constructor(memory: WebAssembly.Memory, fused: boolean) {
    this.#memory = memory;
    this.#fused = fused;
  }

  /**
   * @param key names the kernel and everything its code depends on
   * @param parameters number of arguments
   */
  kernel(
    key: string,
    parameters: number,
    write: (writer: FunctionWriter) => void,
  ): GeneratedKernel {
    const known = this.#kernels.get(key);
    if (known) return known;
    const writer = new FunctionWriter(parameters, this.#fused);
    write(writer);
    const module = new WebAssembly.Module(moduleOf(writer));
    const instance = new WebAssembly.Instance(module, { env: { memory: this.#memory } });
    const kernel = instance.exports["run"] as GeneratedKernel;
    this.#kernels.set(key, kernel);
    return kernel;
  }
}

/** Whether this engine has relaxed SIMD, and with it the fused multiply-add. */
export function hasFusedMultiplyAdd(): boolean {
  const writer = new FunctionWriter(0, true);
  const sum = writer.vector();
  writer.multiplyAdd(
    sum,
    () => writer.get(sum),
    () => writer.get(sum),
  );
  return WebAssembly.validate(moduleOf(writer));
}
