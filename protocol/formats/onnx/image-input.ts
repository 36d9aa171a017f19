import { ProtocolError } from "../../errors.ts";
import { SIZES, type ImageShape } from "../../model/graph.ts";
import type { OnnxModel, OnnxValue } from "./model-proto.ts";

/** What a file's network reads. */
export interface ImageInput {
  readonly name: string;
  /** Images in one run; undefined where the file leaves it open. */
  readonly batch: number | undefined;
  readonly shape: ImageShape;
  /** `[N, H, W, C]` rather than `[N, C, H, W]`. */
  readonly isChannelsLast: boolean;
}

/** Float types, as `TensorProto.DataType` numbers them, and what is not told. */
const FLOATS: ReadonlySet<number> = new Set([0, 1, 10, 11, 16]);

function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}

function inputOf({ graph }: OnnxModel): OnnxValue {
  const stored = new Set(graph.initializers.map(({ name }) => name));
  const inputs = graph.inputs.filter(({ name }) => !stored.has(name));
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    throw unsupported(
      `the file's network reads ${inputs.length === 0 ? "nothing" : inputs.map(({ name }) => `'${name}'`).join(", ")}: Scour cleanses classifiers of one image each, with their weights in the file (export_params=True)`,
    );
  }
  return input;
}

function isChannels(size: number | undefined): size is 1 | 3 {
  return size === 1 || size === 3;
}

/** Whether the file leaves the images' size to whoever runs it. */
export function isSizeOpen(model: OnnxModel): boolean {
  const { dims } = inputOf(model);
  if (dims?.length !== 4) return false;
  return (isChannels(dims[1]) ? [dims[2], dims[3]] : [dims[1], dims[2]]).includes(undefined);
}

/**
 * @param size side of the images, where the file leaves it open
 * @throws ProtocolError `unsupported-model` for what are no square images of one or three channels.
 */
export function imageOf(model: OnnxModel, size?: number): ImageInput {
  const { dims, elementType, name } = inputOf(model);
  const shown = dims?.map((own) => own ?? "?").join(", ");
  const isChannelsLast = !isChannels(dims?.[1]);
  const channels = isChannelsLast ? dims?.[3] : dims?.[1];
  if (dims?.length !== 4 || !isChannels(channels)) {
    throw unsupported(
      `its input '${name}' is [${shown ?? "of any shape"}]: Scour cleanses classifiers of images with 3 channels (RGB) or 1 (grey), so [N, 3, H, W] or [N, H, W, 3] is needed`,
    );
  }
  if (!FLOATS.has(elementType)) {
    throw unsupported(
      `its input '${name}' is no float: export the network that reads normalised images, without what comes before it`,
    );
  }
  const [height = size, width = size] = isChannelsLast ? [dims[1], dims[2]] : [dims[2], dims[3]];
  if (height === undefined || width === undefined) {
    throw new RangeError("the file leaves the images' size open, and none was given");
  }
  if (height !== width || height < SIZES.least || height > SIZES.most) {
    throw unsupported(
      `it reads images of ${height}×${width} pixels, and Scour takes square ones of ${SIZES.least} to ${SIZES.most}: export it for such`,
    );
  }
  return { name, batch: dims[0], shape: { height, width, channels }, isChannelsLast };
}
