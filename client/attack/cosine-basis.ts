/**
 * One function of the orthonormal discrete cosine transform (DCT-II):
 * c(u)·cos(π·(2x + 1)·u/(2N)) with c(0) = √(1/N), else c(u) = √(2/N).
 *
 * @param frequency u, half periods over the length; 0 ≤ u < N.
 * @param length N.
 * @returns its values at x = 0 to N − 1.
 */
export function cosineWave(frequency: number, length: number): Float64Array {
  const scale = Math.sqrt((frequency === 0 ? 1 : 2) / length);
  return Float64Array.from(
    { length },
    (_, x) => scale * Math.cos((Math.PI * (2 * x + 1) * frequency) / (2 * length)),
  );
}
