import type { FunctionWriter, Local } from "./assembler.ts";
import { FLOAT_BYTES, TileRegisters, VECTOR_BYTES, type TileRun } from "./register-tile.ts";

/** Steps written out per turn of the innermost loop. */
const UNROLL = 4;

/**
 * A convolution without padding over memory of any pitch, for panels of output channels. All
 * pitches in bytes.
 */
export interface DenseConvolution {
  readonly outputHeight: number;
  /** Positions of a row, tile after tile. */
  readonly tiles: readonly TileRun[];
  /** From the input of one output position, row, image to that of the next. */
  readonly inputPositionPitch: number;
  readonly inputRowPitch: number;
  readonly inputImagePitch: number;
  readonly outputPositionPitch: number;
  readonly outputRowPitch: number;
  readonly outputImagePitch: number;
  /** Rows of the window taken here, their pieces, and the contiguous values of each. */
  readonly windowRows: number;
  readonly windowPitch: number;
  readonly pieces: number;
  readonly piecePitch: number;
  readonly run: number;
  /** A panel of output channels: vectors, and how many lanes of the last one exist. */
  readonly vectors: number;
  readonly lanes: number;
  /** From the weights of one panel to those of the next. */
  readonly panelPitch: number;
  /** Whether to add to what the output holds. */
  readonly accumulate: boolean;
  /** Whether the addresses of input, weights and output count from the thread's scratch. */
  readonly fromScratch: boolean;
  readonly weightsFromScratch: boolean;
  readonly toScratch: boolean;
  /** Convolutions of one shape that are done one after the other, and what lies between them. */
  readonly stack: Stack;
}

export interface Stack {
  readonly count: number;
  readonly inputPitch: number;
  readonly weightsPitch: number;
  readonly outputPitch: number;
}

/**
 * Writes a `DenseConvolution`. Arguments: scratch, input, weights, output, images, panels; weights
 * are `[panels, windowRows·pieces·run, 4·vectors]`, for each convolution of the stack.
 */
export function writeDenseConvolution(writer: FunctionWriter, shape: DenseConvolution): void {
  const [scratch, input, weights, output, images, panels] = writer.parameters as Parameters6;
  const { inputPositionPitch, outputPositionPitch, windowRows, pieces, run, vectors, lanes } =
    shape;
  const panelBytes = vectors * VECTOR_BYTES;
  const highest = Math.max(...shape.tiles.map(({ height }) => height));
  const registers = new TileRegisters(writer, { height: highest, vectors });
  const integers = Array.from({ length: 9 }, () => writer.integer()) as Locals9;
  const [panelIn, panelOut, imageIn, imageOut, rowIn, rowOut, window, target, pixel] = integers;
  const weight = writer.integer();

  const steps = (height: number, count: number): void => {
    for (let step = 0; step < count; step++) {
      registers.step(
        { height, vectors },
        (row) => writer.loadSplat(pixel, step * FLOAT_BYTES + row * inputPositionPitch),
        (v) => writer.loadVector(weight, step * panelBytes + v * VECTOR_BYTES),
      );
    }
    writer.advance(pixel, count * FLOAT_BYTES).advance(weight, count * panelBytes);
  };

  const tile = (height: number): void => {
    const size = { height, vectors };
    registers.each(size, (sum) => writer.zeroVector().set(sum));
    writer.offset(weight, panelIn, 0);
    const turns = Math.floor(run / UNROLL);
    for (let row = 0; row < windowRows; row++) {
      for (let piece = 0; piece < pieces; piece++) {
        writer.offset(pixel, window, row * shape.windowPitch + piece * shape.piecePitch);
        if (turns > 0) writer.repeat(turns, () => steps(height, UNROLL));
        if (run % UNROLL > 0) steps(height, run % UNROLL);
      }
    }
    registers.each(size, (sum, row, v) => {
      const at = row * outputPositionPitch + v * VECTOR_BYTES;
      // Added last, so that nothing waits for it.
      if (shape.accumulate) writer.get(sum).loadVector(target, at).addFloats().set(sum);
      writer.storeLanes(target, at, sum, v === vectors - 1 ? lanes : 4);
    });
  };

  const convolution = (): void => {
    writer.offset(panelIn, weights, 0).offset(panelOut, output, 0);
    writer.repeatVariable(panels, () => {
      writer.offset(imageIn, input, 0).offset(imageOut, panelOut, 0);
      writer.repeatVariable(images, () => {
        writer.offset(rowIn, imageIn, 0).offset(rowOut, imageOut, 0);
        writer.repeat(shape.outputHeight, () => {
          writer.offset(window, rowIn, 0).offset(target, rowOut, 0);
          for (const { height, count } of shape.tiles) {
            writer.repeat(count, () => {
              tile(height);
              writer.advance(window, height * inputPositionPitch);
              writer.advance(target, height * outputPositionPitch);
            });
          }
          writer.advance(rowIn, shape.inputRowPitch).advance(rowOut, shape.outputRowPitch);
        });
        writer.advance(imageIn, shape.inputImagePitch).advance(imageOut, shape.outputImagePitch);
      });
      writer.advance(panelIn, shape.panelPitch).advance(panelOut, panelBytes);
    });
  };

  if (shape.fromScratch) writer.addInteger(input, scratch);
  if (shape.weightsFromScratch) writer.addInteger(weights, scratch);
  if (shape.toScratch) writer.addInteger(output, scratch);
  const { count, inputPitch, weightsPitch, outputPitch } = shape.stack;
  writer.repeat(count, () => {
    convolution();
    writer.advance(input, inputPitch).advance(weights, weightsPitch);
    writer.advance(output, outputPitch);
  });
}

type Parameters6 = [Local, Local, Local, Local, Local, Local];
type Locals9 = [Local, Local, Local, Local, Local, Local, Local, Local, Local];
