import type { Graph, GraphOfSize } from "../model/graph.ts";
import type { NamedTensor } from "../model/named-tensor.ts";
import type { NetworkSettings } from "../model/network-settings.ts";
import type { PreprocessingDefaults } from "../model/preprocessing-defaults.ts";
import type { ByteSource } from "./byte-source.ts";
import type { Finding } from "./finding.ts";

/** A run of a tensor's values, flattened row-major in the tensor's shape. */
export interface TensorPart {
  readonly name: string;
  /** Index of the first value within its tensor. */
  readonly first: number;
  readonly length: number;
}

/** Values that take the place of a file's own. */
export interface NewValues {
  /** Whether this tensor gets new values: all of it does, or none. */
  has(name: string): boolean;
  /** As many values as the part has. */
  read(part: TensorPart): Float32Array | Promise<Float32Array>;
}

/** What is said of a format whose writers fold norms away. */
export interface FoldedNorms {
  /** Of the finding that says so (`Finding`). */
  readonly rule: string;
  /** How a model is written with its norms. */
  readonly keptBy: string;
}

/**
 * A model file that was opened: what is in it is known, its values are left where they are. How a
 * format stores them (in pieces, in another order of axes, in 16 bits) it keeps to itself: whoever asks
 * gets float32 values, row-major in the shape it names. Nothing in a file is ever run to be read.
 */
export interface ModelFile {
  /** What kind of file it is, for people: "safetensors", "PyTorch zip (pickle)". */
  readonly kind: string;
  /** How such files' names end, without the dot. */
  readonly extension: string;
  /** Length of the file, and of every file that `restore` gives. */
  readonly totalBytes: number;
  /** In the file's order. */
  readonly tensors: readonly NamedTensor[];
  /**
   * The network, if the file brings it; its parameters are among the tensors. A function where the file
   * leaves the images' size open: it gives the network for a side in pixels.
   */
  readonly graph?: Graph | GraphOfSize;
  /**
   * Where who wrote it may have folded batch norms into the convolutions before them, so that a graph
   * without norms does not tell that the model had none (SPEC L).
   */
  readonly foldedNorms?: FoldedNorms;
  /**
   * Where the file holds several sets of tensors apart from each other, each of which may be a network: all
   * of them, those under a name that is usual first. The file itself stands for the likeliest by where it
   * stands.
   */
  readonly sets?: readonly TensorSet[];
  /** Which of its networks it stands for, where it has several (`NetworkSettings.prefix`). */
  readonly prefix?: string;
  /** Whether both tensors are the same values, stored once. */
  storedOnce?(name: string, other: string): boolean;
  /** Free text that the file carries. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What the file says of its network that tensors do not tell. */
  readonly network?: NetworkSettings;
  /** What the file says of how its network sees pictures: goes before what is usual for the network. */
  readonly preprocessing?: Partial<PreprocessingDefaults>;
  /** What the file calls its classes, by index. */
  readonly classNames?: readonly string[];
  /** What whoever is about to use the file should know. */
  readonly findings: readonly Finding[];
  /**
   * The values of parts of float tensors, in whatever order they are best read.
   *
   * @throws RangeError for a part that no float tensor of the file has.
   * @throws ProtocolError `malformed-model` when the file does not hold what it says.
   */
  read(
    parts: readonly TensorPart[],
  ): AsyncIterable<{ readonly part: TensorPart; readonly values: Float32Array }>;
  /**
   * The file with new values in the place of its own and all else as it was, piece by piece, no piece
   * of more than 1 MiB but the file's own head (SPEC W4).
   *
   * @throws ProtocolError `non-finite-weights` when a value is not finite as the file stores it.
   */
  restore(values: NewValues): AsyncIterable<Uint8Array>;
  /**
   * What restores the model to a file in which weights are float32 that this one stores as less (SPEC
   * W7.3); undefined where none are, or the format knows no such.
   */
  widened?(): Promise<RestoredFile | undefined>;
}

/** A file that comes of new values. */
export type RestoredFile = Pick<ModelFile, "extension" | "totalBytes" | "restore">;

/** Some tensors of a file that may be a network by themselves; `Opened` is what opening them gives. */
export interface TensorSet<Opened = ModelFile> {
  /** What stands before their names in the file, up to a dot: "netC.". */
  readonly prefix: string;
  /** Whether they are averages, or copies of earlier: not meant where there are others. */
  readonly isAverage: boolean;
  /** Without the prefix in their names. */
  readonly tensors: readonly NamedTensor[];
  /**
   * The set by itself, as if the file held no other.
   *
   * @param copies those of the other sets that get the same new values; asked when a file is restored
   * @throws ProtocolError as `Format.open`.
   */
  open(copies: () => Promise<readonly TensorSet<Opened>[]>): Opened;
}

/** A way to store models in files. Each is a folder, and a line in `FORMATS`. */
export interface Format {
  readonly name: string;
  /**
   * Why a file that begins so is not of this format; undefined when it seems to be, and `open` will say.
   *
   * @param start the file's first bytes, `START_BYTES` of them if it has as many
   */
  mismatch(start: Uint8Array): string | undefined;
  /**
   * Reads and checks what the file says of itself, before any value.
   *
   * @throws ProtocolError `malformed-model`, `unsupported-model`, or `unsafe-model` with what was found in
   *   `extensions.findings`.
   */
  open(source: ByteSource): Promise<ModelFile>;
}

/** Bytes of a file by which its format is told. */
export const START_BYTES = 1024;
