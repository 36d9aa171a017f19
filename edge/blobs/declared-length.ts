import { ProtocolError } from "../../protocol/errors.ts";

/**
 * The length a request declares.
 *
 * @throws ProtocolError `length-required` without `Content-Length` (SPEC P5).
 */
export function declaredLength(header: string | undefined): number {
  if (header === undefined || !/^\d{1,15}$/.test(header)) {
    throw new ProtocolError(
      "length-required",
      "the body has no Content-Length: send it whole, not chunked",
    );
  }
  return Number(header);
}
