import type { FunctionWriter, Local } from "./assembler.ts";

const FLOAT = 4;
const LANES = 4;
/** Output positions computed at once: with two vectors each, eight sums stay in registers. */
const POSITIONS = 4;

/** A convolution whose input is padded already. Sizes in values. */
export interface ConvolutionShape {
  readonly channelsIn: number;
  /** A multiple of 4. */
  readonly channelsOut: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  /** Of the padded input. */
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

export interface ConvolutionEpilogue {
  readonly bias: boolean;
  readonly relu: boolean;
}

/** Largest number of vectors a tile of output channels has. */
export const TILE_VECTORS = 2;

/**
 * Writes a direct convolution for one tile of output channels.
 *
 * Arguments: padded input `[images, H, W, Ci]`, the tile's weights `[kh·kw·Ci, 4·vectors]`, its
 * bias, its first channel of the output `[images, Ho, Wo, Co]`, number of images (at least 1).
 *
 * @param vectors output channels of the tile, in fours
 */
export function writeConvolution(
  writer: FunctionWriter,
  shape: ConvolutionShape,
  vectors: number,
  { bias: hasBias, relu }: ConvolutionEpilogue,
): void {
  const [input, weights, bias, output, images] = writer.parameters as [
    Local,
    Local,
    Local,
    Local,
    Local,
  ];
  const { channelsIn, channelsOut, kernelHeight, kernelWidth, stride } = shape;
  const { inputHeight, inputWidth, outputHeight, outputWidth } = shape;
  const positions = Math.min(POSITIONS, outputWidth);
  const tiles = Math.ceil(outputWidth / positions);
  // The last tile of a row is moved back to end with it: some positions are computed twice.
  const excess = tiles * positions - outputWidth;
  const positionBytes = stride * channelsIn * FLOAT;
  const outputBytes = channelsOut * FLOAT;
  // One row of the window is contiguous in a channels-last image, and so are its weights.
  const run = kernelWidth * channelsIn;
  const unrolled = unrolling(run);
  const tileBytes = vectors * LANES * FLOAT;

  const sums = Array.from({ length: positions * vectors }, () => writer.vector());
  const taps = Array.from({ length: vectors }, () => writer.vector());
  const value = writer.vector();
  const imageStart = writer.integer();
  const rowStart = writer.integer();
  const window = writer.integer();
  const pixel = writer.integer();
  const weight = writer.integer();
  const target = writer.integer();

  const tile = (): void => {
    sums.forEach((sum, i) => {
      if (hasBias) writer.loadVector(bias, (i % vectors) * LANES * FLOAT);
      else writer.zeroVector();
      writer.set(sum);
    });
    writer.offset(weight, weights, 0);
    for (let row = 0; row < kernelHeight; row++) {
      writer.offset(pixel, window, row * inputWidth * channelsIn * FLOAT);
      writer.repeat(run / unrolled, () => {
        for (let step = 0; step < unrolled; step++) {
          taps.forEach((tap, v) => {
            writer.loadVector(weight, step * tileBytes + v * LANES * FLOAT).set(tap);
          });
          for (let p = 0; p < positions; p++) {
            writer.loadSplat(pixel, step * FLOAT + p * positionBytes).set(value);
            taps.forEach((tap, v) => {
              writer.multiplyAdd(
                sums[p * vectors + v]!,
                () => writer.get(value),
                () => writer.get(tap),
              );
            });
          }
        }
        writer.advance(pixel, unrolled * FLOAT).advance(weight, unrolled * tileBytes);
      });
    }
    sums.forEach((sum, i) => {
      const at = Math.floor(i / vectors) * outputBytes + (i % vectors) * LANES * FLOAT;
      writer.storeVector(target, at, () => {
        writer.get(sum);
        if (relu) writer.rectify();
      });
    });
  };

  writer.offset(imageStart, input, 0).offset(target, output, 0);
  writer.repeatVariable(images, () => {
    writer.offset(rowStart, imageStart, 0);
    writer.repeat(outputHeight, () => {
      writer.offset(window, rowStart, 0);
      if (tiles > 1) {
        writer.repeat(tiles - 1, () => {
          tile();
          writer.advance(window, positions * positionBytes);
          writer.advance(target, positions * outputBytes);
        });
      }
      writer.advance(window, -excess * positionBytes).advance(target, -excess * outputBytes);
      tile();
      writer.advance(target, positions * outputBytes);
      writer.advance(rowStart, stride * inputWidth * channelsIn * FLOAT);
    });
    writer.advance(imageStart, inputHeight * inputWidth * channelsIn * FLOAT);
  });
}

/** The largest small divisor: steps written out per turn of the innermost loop. */
export function unrolling(count: number): number {
  for (const steps of [4, 3, 2]) if (count % steps === 0) return steps;
  return 1;
}
