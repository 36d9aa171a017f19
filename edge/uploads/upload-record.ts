import type { PartSizes } from "../../protocol/round/upload.ts";

/** An upload that is under way: what it is to become, and what came of it. */
export interface UploadRecord extends PartSizes {
  /** SHA-256 of the whole model. */
  readonly digest: string;
  /** Digests of the parts that are stored, by index; null for those that are not. */
  readonly parts: readonly (string | null)[];
}

/** What the noting of a part came to. */
export interface RecordedPart {
  /** Digest of the part whose place it took; null where there was none, or the same. */
  readonly replaced: string | null;
}
