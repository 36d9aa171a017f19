import type { MatrixStack, ProductKernel } from "../../program/kernels/product.ts";
import { scalarAt } from "./channels.ts";
import { ShaderWriter, unroll, type Dispatch, type Tensor } from "./shader.ts";

/** Invocations of a workgroup along rows and columns; each has four of both. */
const ROWS = 8;
const COLUMNS = 8;

/**
 * c = factor·a·b, an invocation to four rows by four columns, straight from memory: four vectors of
 * either factor to sixteen products of vectors.
 */
export function productDispatch(kernel: ProductKernel): Dispatch {
  const { outer, inner, rows, columns, depth, factor, a, b, c } = kernel;
  const shader = new ShaderWriter(isWide(kernel) ? ["arena"] : []);
  const left = matrixOf(shader, "a", a);
  const right = matrixOf(shader, "b", b);
  const target = matrixOf(shader, "c", c);
  const terms = (count: number): string => `
${left.acrossRows ? loads("left", left, "first_row", "k", count) : loads("left", left, "k", "first_row", 4, rows)}
${right.acrossRows ? loads("right", right, "k", "first_column", 4, columns) : loads("right", right, "first_column", "k", count)}
${unroll(count, (k) => {
  const across = [0, 1, 2, 3].map((j) => `right_${j}[${k}]`).join(", ");
  const vector = right.acrossRows ? `vec4f(${across})` : `right_${k}`;
  return `{ let vector = ${vector};\n${unroll(4, (r) => `sum_${r} += ${left.acrossRows ? `left_${k}[${r}]` : `left_${r}[${k}]`} * vector;`)} }`;
})}`;
  const rest = depth % 4;
  return shader.dispatch(
    "product",
    [COLUMNS, ROWS],
    [Math.ceil(columns / (4 * COLUMNS)), Math.ceil(rows / (4 * ROWS)), outer * inner],
    outer * inner * rows * columns * depth,
    `
let outer = group.z / ${inner}u;
let inner = group.z % ${inner}u;
let first_column = (group.x * ${COLUMNS}u + local.x) * 4u;
let first_row = (group.y * ${ROWS}u + local.y) * 4u;
if (first_row < ${rows}u && first_column < ${columns}u) {
${unroll(4, (r) => `var sum_${r} = vec4f();`)}
for (var k = 0u; k < ${depth - rest}u; k += 4u) {
${terms(4)}
}
${rest > 0 ? `{ let k = ${depth - rest}u;${terms(rest)} }` : ""}
${unroll(4, (r) => `if (first_row + ${r}u < ${rows}u) { ${store(target, `first_row + ${r}u`, columns, `${factor} * sum_${r}`)} }`)}
}`,
  );
}

/** A stack's matrix as a shader sees it. */
interface ShaderMatrix {
  readonly tensor: Tensor;
  readonly matrix: MatrixStack;
  /** Where the invocation's matrix begins; an expression. */
  readonly start: string;
  /** Whether what lies next to each other are rows of a, terms of b: whole columns, not whole rows. */
  readonly acrossRows: boolean;
}

function matrixOf(shader: ShaderWriter, name: string, matrix: MatrixStack): ShaderMatrix {
  const start = `(outer * ${matrix.outer}u + inner * ${matrix.inner}u)`;
  const tensor = shader.operand(name, matrix.values);
  return { tensor, matrix, start, acrossRows: matrix.column !== 1 };
}

/**
 * Statements: `<name>_0` …, vectors along what lies next to each other.
 *
 * @param along where they begin along it
 * @param across the first of them, and how many there are
 * @param end of those that exist: beyond it the last is read again
 */
function loads(
  name: string,
  { tensor, matrix, start, acrossRows }: ShaderMatrix,
  along: string,
  across: string,
  count: number,
  end?: number,
): string {
  const pitch = acrossRows ? matrix.column : matrix.row;
  return unroll(count, (i) => {
    const place = `${across} + ${i}u`;
    const bounded = end === undefined ? `(${place})` : `min(${place}, ${end - 1}u)`;
    return `let ${name}_${i} = ${vectorAt(tensor, `${start} + ${bounded} * ${pitch}u + ${along}`)};`;
  });
}

/** An expression: four values from an index on. */
function vectorAt(tensor: Tensor, index: string): string {
  if (tensor.width === 4) {
    const vector = `${tensor.memory}[${tensor.base} + (${index}) / 4u]`;
    return tensor.memory === "halves" ? `widen(${vector})` : vector;
  }
  const values = [0, 1, 2, 3].map((i) => scalarAt(tensor, `${index} + ${i}u`));
  return `vec4f(${values.join(", ")})`;
}

/** Statements: the columns of a row that exist; of whole vectors also what fills the last one up. */
function store(
  { tensor, matrix, start }: ShaderMatrix,
  row: string,
  columns: number,
  value: string,
): string {
  const index = `${start} + (${row}) * ${matrix.row}u + first_column`;
  if (tensor.width === 4) {
    const stored = tensor.memory === "halves" ? `narrow(${value})` : value;
    return `${tensor.memory}[${tensor.base} + (${index}) / 4u] = ${stored};`;
  }
  return `let values = ${value};\n${unroll(
    4,
    (i) =>
      `if (first_column + ${i}u < ${columns}u) { ${scalarAt(tensor, `${index} + ${i}u`)} = values[${i}]; }`,
  )}`;
}

/**
 * Whether all memory can be accessed by whole vectors, as halves always are (`program/halves.ts`): rows
 * of c have room for what fills them up.
 */
function isWide({ columns, a, b, c }: ProductKernel): boolean {
  const inFours = [a, b, c].every(({ values, outer, inner, row, column }) =>
    [outer, inner, Math.max(row, column), values.offset].every((pitch) => pitch % 4 === 0),
  );
  return inFours && c.row >= 4 * Math.ceil(columns / 4);
}
