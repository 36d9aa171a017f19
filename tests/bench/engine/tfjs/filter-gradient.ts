import * as tf from "@tensorflow/tfjs-core";
import type { Tensor4D } from "@tensorflow/tfjs-core";
import type { ConvGeometry } from "./kernels.ts";

/**
 * The gradient of a convolution with respect to its filter, as a forward convolution with the
 * roles exchanged: images become channels, x `[Ci, H, W, N]` is the input, dy `[Ho, Wo, N, Co]` the
 * filter, and the stride becomes the dilation.
 *
 * @param filterShape `[k, k, Ci, Co]` of the gradient wanted
 */
export function filterGradientByConvolution(
  x: Tensor4D,
  dy: Tensor4D,
  filterShape: [number, number, number, number],
  { stride, padding }: ConvGeometry,
): Tensor4D {
  const kernel = filterShape[0];
  const [, height, width] = x.shape;
  const [, dyHeight, dyWidth] = dy.shape;
  // Rows below and to the right so that exactly k output rows come out; negative: never read.
  const after = (extent: number, dyExtent: number): number =>
    kernel - 1 + (dyExtent - 1) * stride + 1 - (extent + padding);
  const afterRows = after(height, dyHeight);
  const afterColumns = after(width, dyWidth);
  return tf.tidy(() => {
    const exchanged = tf.transpose(x, [3, 1, 2, 0]);
    const read =
      afterRows < 0 || afterColumns < 0
        ? tf.slice(
            exchanged,
            [0, 0, 0, 0],
            [
              x.shape[3],
              height + Math.min(0, afterRows),
              width + Math.min(0, afterColumns),
              x.shape[0],
            ],
          )
        : exchanged;
    const gradient = tf.conv2d(
      read as Tensor4D,
      tf.transpose(dy, [1, 2, 0, 3]) as Tensor4D,
      1,
      [
        [0, 0],
        [padding, Math.max(0, afterRows)],
        [padding, Math.max(0, afterColumns)],
        [0, 0],
      ],
      "NHWC",
      stride,
    );
    return tf.transpose(gradient, [1, 2, 0, 3]) as Tensor4D;
  });
}
