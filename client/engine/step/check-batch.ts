import type { ImageShape } from "../../../protocol/model/graph.ts";
import type { Batch } from "../engine.ts";
import { EngineError } from "../engine-error.ts";

/** Values a byte takes, so the entries of a channel in a batch's table. */
const PIXEL_VALUES = 256;

/**
 * Checks that a batch holds what its size and the model's images ask for.
 *
 * @throws EngineError `invalid-input` for an array of another length, or a crop that begins outside
 *   of the padded image.
 */
export function checkBatch(batch: Batch, { height, width, channels }: ImageShape): void {
  const { size } = batch;
  if (!Number.isInteger(size) || size < 1) {
    throw new EngineError("invalid-input", `a batch has at least 1 image, this one has ${size}`);
  }
  const shape = `${size}×${height}×${width}×${channels}`;
  const length = size * height * width * channels;
  const images = `a batch of ${size} images`;
  if ("values" in batch) {
    requireLength(batch.values, length, `${images} needs ${length} values (${shape})`);
    return;
  }
  const { pixels, placements, table } = batch;
  requireLength(pixels, length, `${images} needs ${length} pixel values (${shape})`);
  requireLength(placements, 3 * size, `${images} needs ${3 * size} placement values (${size}×3)`);
  const entries = channels * PIXEL_VALUES;
  requireLength(
    table,
    entries,
    `a table for ${channels} channels needs ${entries} values (${channels}×256)`,
  );
  checkPlacements(placements, batch.cropPadding);
}

function checkPlacements(placements: Uint8Array, cropPadding: number): void {
  const last = 2 * cropPadding;
  if (!Number.isInteger(cropPadding) || cropPadding < 0 || last > 255) {
    throw new EngineError(
      "invalid-input",
      `a crop padding of ${cropPadding}; a whole number of pixels from 0 to 127 is wanted`,
    );
  }
  for (let i = 0; i < placements.length; i += 3) {
    const [top, left, mirror] = placements.subarray(i, i + 3);
    if (top! <= last && left! <= last && mirror! <= 1) continue;
    throw new EngineError(
      "invalid-input",
      `image ${i / 3} is placed at row ${top}, column ${left}, mirrored ${mirror}; with ` +
        `${cropPadding} pixels of padding rows and columns are 0 to ${last}, and mirrored is 0 or 1`,
    );
  }
}

/** @throws EngineError `invalid-input` when there is not one answer `[classes]` an image. */
export function checkAnswers(answers: Float32Array, size: number, classes: number): void {
  if (answers.length === size * classes) return;
  throw new EngineError(
    "invalid-input",
    `${answers.length} target values for ${size} images of ${classes} classes`,
  );
}

/**
 * Number of images over which batch norms take their statistics together.
 *
 * @throws EngineError `invalid-input` when the batch does not split into such groups.
 */
export function normGroupSizeOf(batchSize: number, normGroupSize: number | undefined): number {
  if (normGroupSize === undefined) return batchSize;
  if (Number.isInteger(normGroupSize) && normGroupSize > 0 && batchSize % normGroupSize === 0) {
    return normGroupSize;
  }
  throw new EngineError(
    "invalid-input",
    `a batch of ${batchSize} images does not split into norm groups of ${normGroupSize}; ` +
      "its size must be a multiple of theirs",
  );
}

function requireLength(array: ArrayLike<number>, length: number, wanted: string): void {
  if (array.length === length) return;
  throw new EngineError("invalid-input", `${wanted}, this one has ${array.length}`);
}
