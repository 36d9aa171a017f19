import { FunctionWriter } from "./assembler.ts";
import { moduleOf } from "./module-bytes.ts";

/** Whether WebAssembly has vectors of 128 bits here. */
export function hasSimd(): boolean {
  return multiplies(false);
}

/** Whether WebAssembly has relaxed SIMD here, and with it the fused multiply-add. */
export function hasFusedMultiplyAdd(): boolean {
  return multiplies(true);
}

function multiplies(fused: boolean): boolean {
  const writer = new FunctionWriter(0, fused);
  const sum = writer.vector();
  writer.multiplyAdd(
    sum,
    () => writer.get(sum),
    () => writer.get(sum),
  );
  return WebAssembly.validate(moduleOf(writer));
}
