/**
 * Takes a student's slice along the line from its teacher, in place: θ ← t + f·(θ − t), in float64,
 * rounded to float32 (SPEC O10).
 *
 * @param teacher t, the same values of the teacher
 * @param factor f: above 1 away from the teacher, below 1 back towards it
 *
 * @example
 * stepAlongLine(theta, teacher, 1.3);
 */
export function stepAlongLine(theta: Float32Array, teacher: Float32Array, factor: number): void {
  for (let i = 0; i < theta.length; i++) {
    theta[i] = teacher[i]! + factor * (theta[i]! - teacher[i]!);
  }
}
