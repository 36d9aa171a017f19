/** Off-diagonal values up to this share of the trace count as zero: 2⁻⁶⁰. */
const NEGLIGIBLE = 1 / 1_152_921_504_606_846_976;

/** Far beyond what convergence takes; bounds the work whatever comes in. */
const MAX_SWEEPS = 30;

/**
 * Largest eigenvalue of a symmetric positive semi-definite matrix by cyclic Jacobi rotations
 * (Golub and Van Loan, 'Matrix Computations', 4th edition, section 8.5), always in the same order and
 * with operations that IEEE 754 rounds exactly, so that every engine returns the same bits (SPEC I9).
 *
 * Why not power iteration: its error hangs on the gap to the second eigenvalue, and near-equal ones
 * do occur. Row-cyclic Jacobi with angles up to π/4 converges for every symmetric matrix (Forsythe
 * and Henrici 1960), quadratically in the end. It stops when every off-diagonal value is at most
 * 2⁻⁶⁰ of the trace, so what is left of them moves an eigenvalue by at most n²·2⁻⁶⁰ of the largest
 * (Weyl): 7·10⁻¹⁷ for n = 9. Beyond that there is only the rounding of the rotations, a few units in
 * the last place of the largest eigenvalue.
 *
 * @param matrix n×n, row-major, both triangles filled; overwritten. Values up to 2⁵⁰⁰ in size.
 */
export function largestEigenvalue(matrix: Float64Array, n: number): number {
  let trace = 0;
  for (let i = 0; i < n; i++) trace += matrix[i * n + i]!;
  const negligible = trace * NEGLIGIBLE;
  let rotated = true;
  for (let sweep = 0; sweep < MAX_SWEEPS && rotated; sweep++) {
    rotated = false;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        if (Math.abs(matrix[p * n + q]!) <= negligible) continue;
        rotate(matrix, n, p, q);
        rotated = true;
      }
    }
  }
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, matrix[i * n + i]!);
  return largest;
}

/** Turns rows and columns p and q so that their common value becomes 0. */
function rotate(matrix: Float64Array, n: number, p: number, q: number): void {
  const common = matrix[p * n + q]!;
  const theta = (matrix[q * n + q]! - matrix[p * n + p]!) / (2 * common);
  // The smaller root of t² + 2θt − 1 = 0, the tangent of an angle within ±π/4.
  const size = 1 / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const t = theta < 0 ? -size : size;
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  for (let i = 0; i < n; i++) {
    if (i === p || i === q) continue;
    const a = matrix[i * n + p]!;
    const b = matrix[i * n + q]!;
    const turnedP = c * a - s * b;
    const turnedQ = s * a + c * b;
    matrix[i * n + p] = turnedP;
    matrix[p * n + i] = turnedP;
    matrix[i * n + q] = turnedQ;
    matrix[q * n + i] = turnedQ;
  }
  matrix[p * n + p] = matrix[p * n + p]! - t * common;
  matrix[q * n + q] = matrix[q * n + q]! + t * common;
  matrix[p * n + q] = 0;
  matrix[q * n + p] = 0;
}
