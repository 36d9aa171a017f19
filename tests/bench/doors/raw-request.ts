/** A request as its bytes will stand on the wire, right or wrong. */
export interface RawRequest {
  readonly method: string;
  readonly target: string;
  /** In order, names as written, Host and Content-Length among them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** As sent: with chunk sizes where it is chunked. */
  readonly body: Buffer;
  readonly version?: string;
  /** What ends the lines of the head. */
  readonly lineEnd?: string;
  /**
   * Whether the body ends before its announced length: the sender then closes its side, and no
   * answer is due, only the end of the connection.
   */
  readonly cutShort?: boolean;
  /** How much of its bytes is sent at all; default 1. */
  readonly share?: number;
}

/** The bytes of a request; characters of the head are bytes (latin1). */
export function bytesOf(request: RawRequest): Buffer {
  const { body, headers, lineEnd = "\r\n", method, target } = request;
  const { share = 1, version = "HTTP/1.1" } = request;
  const lines = [
    `${method} ${target} ${version}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  const head = lines.map((line) => line + lineEnd).join("") + lineEnd;
  const bytes = Buffer.concat([Buffer.from(head, "latin1"), body]);
  return bytes.subarray(0, Math.ceil(share * bytes.length));
}

/** Replaces a header of this name (any case), or adds it. */
export function withHeader(request: RawRequest, name: string, value: string): RawRequest {
  return { ...request, headers: [...withoutHeader(request, name).headers, [name, value]] };
}

export function withoutHeader(request: RawRequest, name: string): RawRequest {
  const headers = request.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...request, headers };
}

export function headerOf(request: RawRequest, name: string): string | undefined {
  return request.headers.find(([other]) => other.toLowerCase() === name.toLowerCase())?.[1];
}

/** Gives it this body with its length. */
export function withBody(request: RawRequest, body: Buffer): RawRequest {
  return { ...withHeader(request, "Content-Length", String(body.length)), body };
}

/** The body in chunks of this size, or in one. */
export function chunked(body: Buffer, size = Math.max(1, body.length)): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n"));
  }
  return Buffer.concat([...parts, Buffer.from("0\r\n\r\n")]);
}
