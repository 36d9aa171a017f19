import type { LoopsKernel } from "../kernels/loops.ts";
import type { Operand, Reading } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";
import { constant, divide, exp, multiply, REDUCED, subtract } from "./expression.ts";
import { LoopWriter } from "./loop-writer.ts";

/** Rows of values that lie `pitch` apart. */
export interface RowsOfValues {
  readonly images: number;
  /** Of an image. */
  readonly rows: number;
  readonly values: number;
  readonly pitch: number;
}

/**
 * y = eˣ/Σeˣ of each row, its largest value taken off before.
 *
 * @returns kernels that come before the one that gives y, which may be the memory of x
 */
export function softmaxKernels(
  writer: ProgramWriter,
  shape: RowsOfValues,
  x: Reading,
): { readonly before: readonly LoopsKernel[]; readonly last: (y: Operand) => LoopsKernel } {
  const { images, rows, values, pitch } = shape;
  const { groupSize } = writer.batch;
  const extents = [images, rows, pitch] as const;
  const largest = writer.workspace(images * rows);
  const share = writer.workspace(images * rows);
  const perRow = () => new LoopWriter([images, rows], [values]);

  const first = perRow();
  const of = first.reading(x, extents, groupSize).at(...first.axes);
  const second = perRow();
  const [image, row] = second.axes;
  const less = subtract(
    second.reading(x, extents, groupSize).at(...second.axes),
    second.tensor(largest, [images, rows]).at(image, row),
  );
  const third = new LoopWriter(extents);
  const [image3, row3] = third.axes;
  const raised = exp(
    subtract(
      third.reading(x, extents, groupSize).at(...third.axes),
      third.tensor(largest, [images, rows]).at(image3, row3),
    ),
  );
  const shares = third.tensor(share, [images, rows]).at(image3, row3);
  return {
    before: [
      first.kernel("softmax maximum", largest, { by: "max", of }),
      second.kernel(
        "softmax share",
        share,
        { by: "sum", of: exp(less) },
        divide(constant(1), REDUCED),
      ),
    ],
    last: (y) => third.kernel("softmax", y, undefined, multiply(raised, shares)),
  };
}

/** dx = y·(dy − Σ dy·y) of each row; dx may be the memory of dy. */
export function softmaxGradientKernels(
  writer: ProgramWriter,
  { images, rows, values, pitch }: RowsOfValues,
  { y, dy, dx }: { readonly y: Operand; readonly dy: Operand; readonly dx: Operand },
): LoopsKernel[] {
  const extents = [images, rows, pitch] as const;
  const sums = writer.workspace(images * rows);
  const first = new LoopWriter([images, rows], [values]);
  const of = multiply(
    first.tensor(y, extents).at(...first.axes),
    first.tensor(dy, extents).at(...first.axes),
  );
  const second = new LoopWriter(extents);
  const [image, row] = second.axes;
  const rest = subtract(
    second.tensor(dy, extents).at(...second.axes),
    second.tensor(sums, [images, rows]).at(image, row),
  );
  return [
    first.kernel("softmax sums", sums, { by: "sum", of }),
    second.kernel(
      "softmax gradient",
      dx,
      undefined,
      multiply(second.tensor(y, extents).at(...second.axes), rest),
    ),
  ];
}
