import { digestStream, type Digest } from "../../../protocol/digest.ts";
import { blobKey, putBlob } from "../../blobs/blob-store.ts";
import { composeBlob, findBlob, type BlobPart } from "../../blobs/stored-blob.ts";

/** A mask of up to 33 million values is one object; of longer ones so much is held at a time, bytes. */
const HELD_BYTES = 4 * 2 ** 20;

/** Stores a mask that comes piece by piece, as one blob, without holding more than a part of it. */
export class MaskWriter {
  readonly #bucket: R2Bucket;
  readonly #totalBytes: number;
  readonly #hash = digestStream();
  readonly #parts: BlobPart[] = [];
  readonly #held: Uint8Array<ArrayBuffer>;
  #heldBytes = 0;
  #bytes = 0;

  constructor(bucket: R2Bucket, totalBytes: number, heldBytes = HELD_BYTES) {
    this.#bucket = bucket;
    this.#totalBytes = totalBytes;
    this.#held = new Uint8Array(Math.min(heldBytes, totalBytes));
  }

  /** The next bytes. */
  async append(piece: Uint8Array): Promise<void> {
    this.#hash.update(piece);
    let rest = piece;
    while (rest.length > 0) {
      const taken = rest.subarray(0, this.#held.length - this.#heldBytes);
      this.#held.set(taken, this.#heldBytes);
      this.#heldBytes += taken.length;
      this.#bytes += taken.length;
      rest = rest.subarray(taken.length);
      if (this.#heldBytes === this.#held.length && this.#bytes < this.#totalBytes) {
        await this.#store();
      }
    }
  }

  /** Fills up with zeros. @returns the blob's name */
  async finish(): Promise<Digest> {
    const zeros = new Uint8Array(Math.min(this.#held.length, this.#totalBytes - this.#bytes));
    while (this.#bytes < this.#totalBytes) {
      await this.append(zeros.subarray(0, this.#totalBytes - this.#bytes));
    }
    if (this.#parts.length === 0) {
      return await putBlob(this.#bucket, this.#held.subarray(0, this.#heldBytes));
    }
    await this.#store();
    const digest = this.#hash.finish();
    if ((await findBlob(this.#bucket, digest)) === undefined) {
      await composeBlob(this.#bucket, digest, this.#parts);
    }
    return digest;
  }

  async #store(): Promise<void> {
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#parts.push({
      key: blobKey(await putBlob(this.#bucket, bytes)),
      bytes: this.#heldBytes,
    });
    this.#heldBytes = 0;
  }
}
