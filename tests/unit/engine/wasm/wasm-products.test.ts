import { expect, it } from "vitest";
import { CodeLibrary } from "../../../../client/engine/wasm/code/code-library.ts";
import { hasFusedMultiplyAdd } from "../../../../client/engine/wasm/code/features.ts";
import { planProduct } from "../../../../client/engine/wasm/plan/plan-product.ts";
import { Functions, runTask } from "../../../../client/engine/wasm/threads/task-runner.ts";
import "../numerics/to-be-allclose.ts";
import { drawArena, PRODUCTS, valuesOfProduct } from "../product-cases.ts";

/** Where each thread's scratch begins; the arena is before it. */
const SCRATCH = 1 << 16;

it.each(PRODUCTS)("products of matrices in WebAssembly are what they should be: $title", (one) => {
  const library = new CodeLibrary(hasFusedMultiplyAdd(), false);
  const memory = new WebAssembly.Memory({ initial: 2 });
  const stages = planProduct(
    {
      library,
      address: ({ offset }) => 4 * offset,
      packedWeights: () => {
        throw new Error("a product packs no weights");
      },
      needScratch: () => {},
      groupSize: 1,
      groups: 1,
    },
    one.kernel,
  );
  const functions = new Functions(memory);
  functions.add(library.modules);
  const before = drawArena(one);
  const arena = new Float32Array(memory.buffer, 0, one.length);
  arena.set(before);
  for (const task of functions.bind(stages, SCRATCH)) runTask(task);
  const { exact, found } = valuesOfProduct(one, before, arena);
  expect(found).toBeAllclose(exact, { l2: 1e-6 });
});
