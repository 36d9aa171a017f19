import { ProtocolError } from "../../protocol/errors.ts";

/**
 * Reads a request's body whole.
 *
 * @param length bytes it must have
 * @throws ProtocolError `length-mismatch` when it has fewer, or its sender is gone.
 */
export async function wholeBody(
  request: Request,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let body: Uint8Array<ArrayBuffer> | undefined;
  try {
    body = new Uint8Array(await request.arrayBuffer());
  } catch {
    // The connection broke: whoever sent it does not hear the answer.
  }
  if (body?.length === length) return body;
  throw new ProtocolError(
    "length-mismatch",
    `Content-Length says ${length} bytes, ${body?.length ?? "fewer"} came: send it again`,
  );
}
