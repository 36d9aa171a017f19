import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, TileRegisters, VECTOR_BYTES, type TileRun } from "./register-tile.ts";

/** Positions written out per turn of the innermost loop. */
const UNROLL = 4;

/** A filter gradient over padded input. All pitches in bytes. */
export interface WindowGradient {
  readonly outputWidth: number;
  /** From the window of one output position, row, image to that of the next. */
  readonly inputPositionPitch: number;
  readonly inputRowPitch: number;
  readonly inputImagePitch: number;
  /** Of the output's gradient. */
  readonly positionPitch: number;
  readonly rowPitch: number;
  readonly imagePitch: number;
  /** The window as rows of pieces that are contiguous in the input, and what lies between them. */
  readonly windowRows: number;
  readonly windowPitch: number;
  readonly pieces: number;
  readonly piecePitch: number;
  /** The values of a piece, tile after tile. */
  readonly tiles: readonly TileRun[];
  /** From one row of the gradient `[windowRows·pieces·run, channels]` to the next. */
  readonly gradientPitch: number;
  readonly vectors: number;
  readonly lanes: number;
  /** Whether to add to what the gradient holds. */
  readonly accumulate: boolean;
  /** Whether addresses of input, output gradient and gradient count from the thread's scratch. */
  readonly fromScratch: boolean;
  readonly gradientFromScratch: boolean;
  readonly toScratch: boolean;
  /** Gradients of one shape that are done one after the other, and what lies between them. */
  readonly stack: GradientStack;
}

interface GradientStack {
  readonly count: number;
  readonly inputPitch: number;
  readonly outputGradientPitch: number;
  readonly gradientPitch: number;
}

/**
 * Writes a `WindowGradient`: a sum of outer products, window × output gradient, over positions.
 * Arguments: scratch, input, output gradient, gradient, images, rows of each image, panels.
 */
export function writeWindowGradient(writer: FunctionWriter, shape: WindowGradient): void {
  const [scratch, input, outputGradient, gradient, images, rows, panels] =
    writer.parameters as Parameters7;
  const { inputPositionPitch, positionPitch, gradientPitch, vectors, lanes, outputWidth } = shape;
  const bands = shape.tiles;
  const highest = Math.max(...bands.map(({ height }) => height));
  const registers = new TileRegisters(writer, { height: highest, vectors });
  const integers = Array.from({ length: 12 }, () => writer.integer()) as Locals12;
  const [windowRow, piece, window, bandTarget, target, panel] = integers;
  const [, , , , , , imageIn, imageOut, rowIn, rowOut, pixel, dy] = integers;

  const positions = (height: number, count: number): void => {
    for (let step = 0; step < count; step++) {
      registers.step(
        { height, vectors },
        (row) => writer.loadSplat(pixel, step * inputPositionPitch + row * FLOAT_BYTES),
        (v) => writer.loadVector(dy, step * positionPitch + v * VECTOR_BYTES),
      );
    }
    writer.advance(pixel, count * inputPositionPitch).advance(dy, count * positionPitch);
  };

  const tile = (height: number): void => {
    const size = { height, vectors };
    registers.each(size, (sum) => writer.zeroVector().set(sum));
    writer.offset(imageIn, window, 0).offset(imageOut, panel, 0);
    writer.repeatVariable(images, () => {
      writer.offset(rowIn, imageIn, 0).offset(rowOut, imageOut, 0);
      writer.repeatVariable(rows, () => {
        writer.offset(pixel, rowIn, 0).offset(dy, rowOut, 0);
        const turns = Math.floor(outputWidth / UNROLL);
        if (turns > 0) writer.repeat(turns, () => positions(height, UNROLL));
        if (outputWidth % UNROLL > 0) positions(height, outputWidth % UNROLL);
        writer.advance(rowIn, shape.inputRowPitch).advance(rowOut, shape.rowPitch);
      });
      writer.advance(imageIn, shape.inputImagePitch).advance(imageOut, shape.imagePitch);
    });
    registers.each(size, (sum, row, v) => {
      const at = row * gradientPitch + v * VECTOR_BYTES;
      // Added last, so that nothing waits for it.
      if (shape.accumulate) writer.get(sum).loadVector(target, at).addFloats().set(sum);
      writer.storeLanes(target, at, sum, v === vectors - 1 ? lanes : 4);
    });
  };

  const windowGradient = (): void => {
    writer.offset(bandTarget, gradient, 0).offset(windowRow, input, 0);
    writer.repeat(shape.windowRows, () => {
      writer.offset(piece, windowRow, 0);
      writer.repeat(shape.pieces, () => {
        writer.offset(window, piece, 0);
        for (const { height, count } of bands) {
          writer.repeat(count, () => {
            // Panels within bands: what a band reads of the input stays in the first-level cache.
            writer.offset(target, bandTarget, 0).offset(panel, outputGradient, 0);
            writer.repeatVariable(panels, () => {
              tile(height);
              writer.advance(target, vectors * VECTOR_BYTES).advance(panel, vectors * VECTOR_BYTES);
            });
            writer.advance(window, height * FLOAT_BYTES);
            writer.advance(bandTarget, height * gradientPitch);
          });
        }
        writer.advance(piece, shape.piecePitch);
      });
      writer.advance(windowRow, shape.windowPitch);
    });
  };

  if (shape.fromScratch) writer.addInteger(input, scratch);
  if (shape.gradientFromScratch) writer.addInteger(outputGradient, scratch);
  if (shape.toScratch) writer.addInteger(gradient, scratch);
  const { stack } = shape;
  writer.repeat(stack.count, () => {
    windowGradient();
    writer.advance(input, stack.inputPitch).advance(gradient, stack.gradientPitch);
    writer.advance(outputGradient, stack.outputGradientPitch);
  });
}

type Parameters7 = [Local, Local, Local, Local, Local, Local, Local];
type Locals12 = [...Parameters7, Local, Local, Local, Local, Local];
