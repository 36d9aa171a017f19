import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FunctionWriter } from "../../../../client/engine/wasm/code/assembler.ts";
import { moduleOf } from "../../../../client/engine/wasm/code/module-bytes.ts";
import { hasFusedMultiplyAdd } from "../../../../client/engine/wasm/code/features.ts";

const MEMORY = new WebAssembly.Memory({ initial: 4 });
const FLOATS = new Float32Array(MEMORY.buffer);

function run(
  parameters: number,
  write: (writer: FunctionWriter) => void,
  ...values: number[]
): void {
  const writer = new FunctionWriter(parameters, hasFusedMultiplyAdd());
  write(writer);
  const module = new WebAssembly.Module(moduleOf(writer));
  const { exports } = new WebAssembly.Instance(module, { env: { memory: MEMORY } });
  (exports["run"] as (...values: number[]) => void)(...values);
}

describe("the WebAssembly assembler", () => {
  it("encodes constants and offsets of any size", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 60_000 }),
        fc.integer({ min: -(2 ** 31) + 60_000, max: 2 ** 31 - 1 }),
        (index, shift) => {
          FLOATS.fill(0);
          FLOATS[index] = 7;
          // Leaves by `shift` and comes back with the immediate offset of the load.
          const there = index * 4 - (index % 2 === 0 ? 0 : 4);
          run(
            1,
            (writer) => {
              const [target] = writer.parameters;
              const pointer = writer.integer();
              writer
                .constant(shift)
                .set(pointer)
                .advance(pointer, there - shift);
              writer.storeVector(target!, 0, () => writer.loadSplat(pointer, index * 4 - there));
            },
            61_000 * 4,
          );
          expect([...FLOATS.subarray(61_000, 61_004)]).toEqual([7, 7, 7, 7]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("repeats by constants and by variables, and keeps the variable", () => {
    FLOATS.fill(0, 0, 16);
    FLOATS.set([1, 2, 3, 4]);
    run(
      3,
      (writer) => {
        const [source, target, count] = writer.parameters;
        const sum = writer.vector();
        writer.repeatVariable(count!, () => {
          writer.repeat(3, () => {
            writer.get(sum).loadVector(source!, 0).addFloats().set(sum);
          });
        });
        writer.repeatVariable(count!, () => {
          writer.storeVector(target!, 0, () => writer.get(sum)).advance(target!, 16);
        });
      },
      0,
      16,
      2,
    );
    expect([...FLOATS.subarray(4, 16)]).toEqual([6, 12, 18, 24, 6, 12, 18, 24, 0, 0, 0, 0]);
  });

  it("takes the larger of two, or what is not a number, and keeps where one is greater", () => {
    FLOATS.set([-1, 2, Number.NaN, -0, 5, 6, 7, 8]);
    run(0, (writer) => {
      const zero = writer.integer();
      writer.storeVector(zero, 32, () => writer.loadVector(zero, 0).splat(0).maxFloats());
      writer.storeVector(zero, 48, () =>
        writer.loadVector(zero, 0).splat(1).greaterFloats().loadVector(zero, 16).andBits(),
      );
    });
    expect([...FLOATS.subarray(8, 16)]).toEqual([0, 2, Number.NaN, -0, 0, 6, 0, 0]);
  });
});
