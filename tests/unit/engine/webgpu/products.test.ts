import { expect, it } from "vitest";
import { productDispatch } from "../../../../client/engine/webgpu/wgsl/product.ts";
import "../numerics/to-be-allclose.ts";
import { drawArena, PRODUCTS, valuesOfProduct } from "../product-cases.ts";
import { runInArena } from "./run-dispatch.ts";

it.each(PRODUCTS)("products of matrices on WebGPU are what they should be: $title", async (one) => {
  const before = drawArena(one);
  const after = await runInArena([productDispatch(one.kernel)], before);
  const { exact, found } = valuesOfProduct(one, before, after);
  expect(found).toBeAllclose(exact, { l2: 1e-6 });
});
