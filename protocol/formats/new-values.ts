import { ProtocolError } from "../errors.ts";
import { beyondEncoding, type FloatEncoding } from "./float-encodings.ts";
import type { NewValues, TensorPart } from "./model-file.ts";

/**
 * New values of a part, as many as it has, that are finite as the file stores them (SPEC W4).
 *
 * @throws RangeError when fewer or more came.
 * @throws ProtocolError `non-finite-weights`, naming tensor and index.
 */
export async function readNewValues(
  values: NewValues,
  part: TensorPart,
  encoding: FloatEncoding,
): Promise<Float32Array> {
  const { first, length, name } = part;
  const given = await values.read(part);
  if (given.length !== length) {
    throw new RangeError(`${length} values were asked for, ${given.length} came`);
  }
  const beyond = beyondEncoding(encoding, given);
  if (beyond >= 0) {
    throw new ProtocolError(
      "non-finite-weights",
      `tensor '${name}' holds ${given[beyond]} at index ${first + beyond}, which ${encoding} cannot hold`,
    );
  }
  return given;
}
