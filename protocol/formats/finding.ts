/**
 * Something in a model file that whoever is about to use it should know. It says what the file is, never
 * decides what becomes of it: what cannot be taken is a `ProtocolError`.
 */
export interface Finding {
  /** Which rule found it, for scripts: lower case with hyphens, never renamed. */
  readonly rule: string;
  /**
   * `danger`: another program that opens this file may run what its author chose. `warning`: the result
   * may not be what is expected. `note`: good to know.
   */
  readonly level: "note" | "warning" | "danger";
  /** A sentence for people: what was found, and what Scour does about it. */
  readonly message: string;
  /** Where in the file: an entry, a tensor, a byte offset. */
  readonly where?: string;
}
