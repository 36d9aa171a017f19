import type { ConvGeometry } from "./convolution.ts";
import type { GradientEpilogue } from "./gradient-epilogue.ts";

/**
 * A convolution whose windows lie side by side along rows, covering them (patches), as one of windows a
 * column wide: `[N, H, W, C]` is `[N, H, W/kw, kw·C]`, and so is the weight, without a value moved. What
 * is told channel by channel of the input must not be, see `isByChannel`.
 *
 * @returns the geometry as it was where windows do not.
 */
export function joinedWindows(geometry: ConvGeometry): ConvGeometry {
  const { kernelWidth, inputWidth, outputWidth, channelsIn, groups } = geometry;
  const { stride, padding, dilation } = geometry;
  const isPatched = stride[1] === kernelWidth && padding[1] === 0 && dilation[1] === 1;
  const covers = outputWidth * kernelWidth === inputWidth;
  if (kernelWidth === 1 || groups !== 1 || !isPatched || !covers) return geometry;
  return {
    ...geometry,
    inputWidth: outputWidth,
    channelsIn: kernelWidth * channelsIn,
    kernelWidth: 1,
    stride: [stride[0], 1],
  };
}

/** Whether an input's gradient meets something that is told channel by channel. */
export function isByChannel({ activated, sums }: GradientEpilogue): boolean {
  return sums !== undefined || activated?.from.affine !== undefined;
}
