/** What a model file says of one tensor, whatever its format: all that an architecture is told by. */
export interface NamedTensor {
  readonly name: string;
  /** As `Parameter` has it (convolutions `[out, in/groups, kh, kw]`), however the file stores it. */
  readonly shape: readonly number[];
  /** `floats` are those that can be read as weights. */
  readonly values: "floats" | "integers" | "others";
  /** Their type in the format's own word, for messages. */
  readonly dtype: string;
}
