/**
 * Takes a student's slice on along the line from its teacher, in place: θ ← t + f·(θ − t), in float64,
 * rounded to float32 (SPEC O10).
 *
 * @param teacher t, the same values of the teacher
 * @param factor f: 1 leaves the student where it is
 *
 * @example
 * goOn(theta, teacher, 1.3);
 */
export function goOn(theta: Float32Array, teacher: Float32Array, factor: number): void {
  for (let i = 0; i < theta.length; i++) {
    theta[i] = teacher[i]! + factor * (theta[i]! - teacher[i]!);
  }
}
