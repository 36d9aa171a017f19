/** The cosine transform by its definition, for `LowFrequencySettings`. */

/** d_k(i) of the orthonormal DCT-II over N values. */
function cosine(k: number, i: number, length: number): number {
  const scale = Math.sqrt((k === 0 ? 1 : 2) / length);
  return scale * Math.cos((Math.PI * k * (2 * i + 1)) / (2 * length));
}

/**
 * S·x: an image whose coefficients of low frequencies are multiplied, and the others kept.
 *
 * @param image `[H, W, C]`
 * @param share of the frequencies along each side, rounded up, that count as low
 */
export function stretchLow(
  image: Float64Array,
  shape: readonly number[],
  share: number,
  factor: number,
): Float64Array {
  const [height, width, channels] = shape as [number, number, number];
  const stretched = image.slice();
  for (let v = 0; v < Math.ceil(share * height); v++) {
    for (let u = 0; u < Math.ceil(share * width); u++) {
      for (let c = 0; c < channels; c++) {
        const basis = image.map((_, i) => {
          if (i % channels !== c) return 0;
          const pixel = Math.floor(i / channels);
          return cosine(v, Math.floor(pixel / width), height) * cosine(u, pixel % width, width);
        });
        const coefficient = image.reduce((sum, value, i) => sum + value * basis[i]!, 0);
        basis.forEach((value, i) => (stretched[i]! += (factor - 1) * coefficient * value));
      }
    }
  }
  return stretched;
}
