export type ZipErrorCode =
  /** The directory at its end is missing. */
  | "cut-short"
  | "damaged"
  | "too-many-members"
  /** A member declares more bytes than are wanted. */
  | "too-large"
  | "encrypted"
  /** A member is packed in a way that is not read; the message is the method's number. */
  | "unknown-method"
  /** A member's bytes are not those that were packed, or more than it declares. */
  | "member-damaged";

/** Why a zip, or a member of it, cannot be read: `code` for programs, to be told in the reader's words. */
export class ZipError extends Error {
  override readonly name = "ZipError";
  readonly code: ZipErrorCode;

  constructor(code: ZipErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
