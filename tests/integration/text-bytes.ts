import { createHash, randomBytes } from "node:crypto";
import { formatDigest } from "../../protocol/content-digest.ts";

/** Bodies as text of one character a byte (Latin-1), as raw requests have them. */
export function noise(bytes: number): string {
  return randomBytes(bytes).toString("latin1");
}

export function digestOf(bytes: string): string {
  return createHash("sha256").update(bytes, "latin1").digest("hex");
}

export function contentDigest(bytes: string): string {
  return `Content-Digest: ${formatDigest(digestOf(bytes))}`;
}
