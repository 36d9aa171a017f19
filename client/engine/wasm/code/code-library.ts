import { FunctionWriter } from "./assembler.ts";
import { moduleOf } from "./module-bytes.ts";

/**
 * The generated functions of an engine, each compiled once: a network has a few dozen, which all
 * sessions and threads share. A function's number never changes.
 */
export class CodeLibrary {
  readonly #fused: boolean;
  readonly #shared: boolean;
  readonly #numbers = new Map<string, number>();
  readonly #modules: WebAssembly.Module[] = [];

  /**
   * @param fused whether to multiply and add in one instruction, with one rounding
   * @param shared whether threads share the memory
   */
  constructor(fused: boolean, shared: boolean) {
    this.#fused = fused;
    this.#shared = shared;
  }

  /** All functions, by their numbers. */
  get modules(): readonly WebAssembly.Module[] {
    return this.#modules;
  }

  /**
   * The number of a function.
   *
   * @param name of the generator
   * @param shape everything else the code depends on
   * @param parameters number of arguments
   */
  code<Shape>(
    name: string,
    shape: Shape,
    parameters: number,
    write: (writer: FunctionWriter, shape: Shape) => void,
  ): number {
    const key = `${name} ${JSON.stringify(shape)}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const writer = new FunctionWriter(parameters, this.#fused);
    write(writer, shape);
    const number = this.#modules.length;
    this.#modules.push(new WebAssembly.Module(moduleOf(writer, this.#shared)));
    this.#numbers.set(key, number);
    return number;
  }
}
