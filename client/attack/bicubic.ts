/** Of the cubic convolution kernel; what PyTorch uses. */
const SHARPNESS = -0.75;

/**
 * Brings a square grid to another size by cubic convolution (Keys 1981, a = −0.75) with aligned
 * corners and repeated edges: PyTorch's `interpolate(mode="bicubic", align_corners=True)`.
 *
 * @param grid `[side, side]`, side ≥ 2.
 * @returns `[height, width]`.
 */
export function upsampleBicubic(
  grid: Float64Array,
  side: number,
  { height, width }: { readonly height: number; readonly width: number },
): Float64Array {
  const rows = cubicTaps(side, height);
  const columns = cubicTaps(side, width);
  const out = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const { index: row, weight: rowWeight } of rows[y]!) {
        for (const { index: column, weight } of columns[x]!) {
          sum += rowWeight * weight * grid[row * side + column]!;
        }
      }
      out[y * width + x] = sum;
    }
  }
  return out;
}

interface Tap {
  readonly index: number;
  readonly weight: number;
}

function cubicTaps(from: number, to: number): readonly (readonly Tap[])[] {
  return Array.from({ length: to }, (_, output) => {
    const place = to > 1 ? (output * (from - 1)) / (to - 1) : 0;
    const base = Math.floor(place);
    return [-1, 0, 1, 2].map((offset) => ({
      index: Math.min(from - 1, Math.max(0, base + offset)),
      weight: cubicWeight(Math.abs(place - base - offset)),
    }));
  });
}

function cubicWeight(distance: number): number {
  const a = SHARPNESS;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  if (distance < 2) return ((distance - 5) * distance + 8) * a * distance - 4 * a;
  return 0;
}
