import { ProtocolError } from "../../protocol/errors.ts";

function brokenOff(bytes: number, length: number): ProtocolError {
  return new ProtocolError(
    "length-mismatch",
    `Content-Length says ${length} bytes, ${bytes} came before the body broke off: send it again`,
  );
}

/**
 * Reads a request's body in parts, each whole in memory.
 *
 * @param length bytes it has by its Content-Length
 * @param partBytes bytes of every part but the last
 * @throws ProtocolError `length-mismatch` when the body is shorter, or its sender is gone.
 *
 * @example
 * for await (const part of bodyParts(request, length, 2 ** 23)) await upload.uploadPart(n++, part);
 */
export async function* bodyParts(
  request: Request,
  length: number,
  partBytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reader = request.body?.getReader({ mode: "byob" });
  for (let bytes = 0; bytes < length;) {
    const wanted = Math.min(partBytes, length - bytes);
    let part: Uint8Array<ArrayBuffer> | undefined;
    try {
      ({ value: part } = (await reader?.readAtLeast(wanted, new Uint8Array(wanted))) ?? {});
    } catch {
      throw brokenOff(bytes, length);
    }
    bytes += part?.length ?? 0;
    if (part === undefined || part.length < wanted) throw brokenOff(bytes, length);
    yield part;
  }
}

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
  for await (const body of bodyParts(request, length, length)) return body;
  return new Uint8Array();
}
