import type { ModelFile, NewValues, TensorSet } from "../model-file.ts";
import type { EntryContent } from "../zip/rewrite-zip.ts";
import type { Folder } from "./folder.ts";

/** A model in several files that was opened. */
export interface FolderModel extends Omit<
  ModelFile,
  "totalBytes" | "extension" | "restore" | "sets" | "widened"
> {
  /** As `ModelFile.sets`. */
  readonly sets?: readonly TensorSet<FolderModel>[];
  /**
   * New contents of files, by path, each as long as it was; all other files stay as they are.
   *
   * @throws ProtocolError `non-finite-weights` when a value is not finite as the files store it.
   */
  restore(
    values: NewValues,
  ): ReadonlyMap<string, EntryContent> | Promise<ReadonlyMap<string, EntryContent>>;
}

/** A way to store a model in several files. */
export interface FolderFormat {
  readonly name: string;
  /** What the file that such a model is opened by is usually called, the first choice first. */
  readonly usual: readonly string[];
  /** Of the files of a folder those that such a model is opened by: one each, the usual one alone if it is there. */
  mains(names: readonly string[]): readonly string[];
  /**
   * All files that make up the model, `main` among them.
   *
   * @throws ProtocolError `malformed-model`.
   */
  members(folder: Folder, main: string): Promise<readonly string[]>;
  /**
   * Reads and checks what the files say of themselves, before any value.
   *
   * @throws ProtocolError `malformed-model`.
   */
  open(folder: Folder, main: string): Promise<FolderModel>;
  /**
   * The same model with weights as float32 that are stored as less; undefined where none are.
   *
   * @throws ProtocolError `malformed-model`.
   */
  widened?(folder: Folder, main: string): Promise<Folder | undefined>;
}
