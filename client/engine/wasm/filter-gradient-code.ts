import type { FunctionWriter, Local } from "./assembler.ts";
import { unrolling, type ConvolutionShape } from "./convolution-code.ts";

const FLOAT = 4;
const LANES = 4;
/** Rows of the gradient summed at once. */
const ROWS = 4;
/** Output channels summed at once, in fours. */
const VECTORS = 2;

/**
 * Writes the gradient of a convolution with respect to its filter over a block of output rows,
 * added to what is there.
 *
 * Arguments: padded input and output gradient from the block's first row on, gradient
 * `[kh·kw·Ci, Co]`, number of images, number of output rows an image (both at least 1).
 *
 * A row of the window is contiguous in a channels-last image, so for each of them this is a sum of
 * outer products over the block's positions: window row `[kw·Ci]` × output gradient `[Co]`.
 */
export function writeFilterGradient(writer: FunctionWriter, shape: ConvolutionShape): void {
  const [input, outputGradient, gradient, images, rows] = writer.parameters as [
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const { channelsIn, channelsOut, kernelHeight, kernelWidth, stride } = shape;
  const { inputHeight, inputWidth, outputHeight, outputWidth } = shape;
  const run = kernelWidth * channelsIn;
  const rowBytes = inputWidth * channelsIn * FLOAT;
  const outputBytes = channelsOut * FLOAT;
  const unrolled = unrolling(outputWidth);

  const sums = Array.from({ length: ROWS * VECTORS }, () => writer.vector());
  const factors = Array.from({ length: VECTORS }, () => writer.vector());
  const value = writer.vector();
  const windowRow = writer.integer();
  const window = writer.integer();
  const imageInput = writer.integer();
  const imageOutput = writer.integer();
  const rowInput = writer.integer();
  const rowOutput = writer.integer();
  const pixel = writer.integer();
  const dy = writer.integer();
  const channel = writer.integer();
  const target = writer.integer();

  /** Sums the block into `height` rows and `vectors` fours of channels of the gradient. */
  const tile = (height: number, vectors: number): void => {
    const eachSum = (visit: (sum: Local, byteOffset: number) => void): void => {
      for (let r = 0; r < height; r++) {
        for (let v = 0; v < vectors; v++) {
          visit(sums[r * vectors + v]!, r * outputBytes + v * LANES * FLOAT);
        }
      }
    };
    eachSum((sum, at) => writer.loadVector(target, at).set(sum));
    writer.offset(imageInput, window, 0).offset(imageOutput, channel, 0);
    writer.repeatVariable(images, () => {
      writer.offset(rowInput, imageInput, 0).offset(rowOutput, imageOutput, 0);
      writer.repeatVariable(rows, () => {
        writer.offset(pixel, rowInput, 0).offset(dy, rowOutput, 0);
        writer.repeat(outputWidth / unrolled, () => {
          for (let step = 0; step < unrolled; step++) {
            for (let v = 0; v < vectors; v++) {
              writer.loadVector(dy, step * outputBytes + v * LANES * FLOAT).set(factors[v]!);
            }
            for (let r = 0; r < height; r++) {
              writer.loadSplat(pixel, step * stride * channelsIn * FLOAT + r * FLOAT).set(value);
              for (let v = 0; v < vectors; v++) {
                writer.multiplyAdd(
                  sums[r * vectors + v]!,
                  () => writer.get(value),
                  () => writer.get(factors[v]!),
                );
              }
            }
          }
          writer.advance(pixel, unrolled * stride * channelsIn * FLOAT);
          writer.advance(dy, unrolled * outputBytes);
        });
        writer.advance(rowInput, stride * rowBytes).advance(rowOutput, outputWidth * outputBytes);
      });
      writer.advance(imageInput, inputHeight * rowBytes);
      writer.advance(imageOutput, outputHeight * outputWidth * outputBytes);
    });
    eachSum((sum, at) => writer.storeVector(target, at, () => writer.get(sum)));
  };

  /** All channels of `height` rows of the gradient, from `target` on. */
  const band = (height: number): void => {
    writer.offset(channel, outputGradient, 0);
    const advance = (vectors: number): void => {
      const bytes = vectors * LANES * FLOAT;
      writer.advance(channel, bytes).advance(target, bytes);
    };
    const whole = Math.floor(channelsOut / (VECTORS * LANES));
    if (whole > 0) {
      writer.repeat(whole, () => {
        tile(height, VECTORS);
        advance(VECTORS);
      });
    }
    if (channelsOut % (VECTORS * LANES) !== 0) {
      tile(height, 1);
      advance(1);
    }
    // `target` has gone through one row of the gradient; the band has `height`.
    writer.advance(target, (height - 1) * outputBytes).advance(window, height * FLOAT);
  };

  writer.offset(windowRow, input, 0).offset(target, gradient, 0);
  writer.repeat(kernelHeight, () => {
    writer.offset(window, windowRow, 0);
    const whole = Math.floor(run / ROWS);
    if (whole > 0) writer.repeat(whole, () => band(ROWS));
    if (run % ROWS !== 0) band(run % ROWS);
    writer.advance(windowRow, rowBytes);
  });
}
