/** Why images could not be turned into an image set. */
export type ImageErrorCode =
  /** There is nothing usable at the place given: empty, or every file was skipped. */
  | "no-images"
  /** The place or file cannot be read, or is not what it must be. */
  | "unreadable-image-set"
  /** They do not fit into memory, or onto the disk. */
  | "too-many-images"
  /** The model wants images of a shape that is not supported. */
  | "unsupported-shape";

/** The one error of image import; `message` names the file and says what to do next. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly code: ImageErrorCode;

  constructor(code: ImageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
