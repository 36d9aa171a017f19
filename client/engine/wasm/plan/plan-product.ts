import type { MatrixStack, ProductKernel } from "../../program/kernels/product.ts";
import { productScratch, writeProduct, type Product } from "../code/product-code.ts";
import { FLOAT_BYTES } from "../code/register-tile.ts";
import type { Call, ParallelStage, Site } from "./stage.ts";

/** Multiply-adds of a task: long enough to be worth handing out. */
const TASK_STEPS = 65536;

/** One call to a product, some to a task. */
export function planProduct(site: Site, kernel: ProductKernel): ParallelStage[] {
  const { outer, inner, rows, columns, depth, factor, a, b, c } = kernel;
  const shape: Product = {
    rows,
    columns,
    depth,
    factor,
    a: { row: a.row, column: a.column },
    b: { row: b.row, column: b.column },
    c: { row: c.row },
  };
  site.needScratch(productScratch(shape));
  const code = site.library.code("product", shape, 4, writeProduct);
  const calls = Array.from({ length: outer * inner }, (_, index): Call => {
    const at = (matrix: MatrixStack): number =>
      site.address(matrix.values) +
      (Math.floor(index / inner) * matrix.outer + (index % inner) * matrix.inner) * FLOAT_BYTES;
    return [code, at(a), at(b), at(c)];
  });
  const perTask = Math.max(1, Math.floor(TASK_STEPS / (rows * columns * depth)));
  return [
    Array.from({ length: Math.ceil(calls.length / perTask) }, (_, task) =>
      calls.slice(task * perTask, (task + 1) * perTask),
    ),
  ];
}
