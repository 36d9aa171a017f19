import type { Random } from "../random.ts";
import { chunked, headerOf, withHeader, withoutHeader, type RawRequest } from "../raw-request.ts";

/** A second request, hidden where only a parser that reads lengths otherwise sees one. */
const HIDDEN = Buffer.from("GET /api/v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n");

function inChunks(request: RawRequest, body: Buffer, coding = "chunked"): RawRequest {
  return withHeader(
    { ...withoutHeader(request, "Content-Length"), body },
    "Transfer-Encoding",
    coding,
  );
}

/** Bodies whose length is said otherwise, twice, wrongly or not at all (RFC 9112, section 6). */
const FRAMINGS: Readonly<Record<string, (request: RawRequest, random: Random) => RawRequest>> = {
  chunked: (request, random) =>
    inChunks(request, chunked(request.body, random.pick([1, 7, 1000, 100_000]))),
  "chunked, extensions": (request) => inChunks(request, Buffer.from('0;a=b;c="d"\r\n\r\n')),
  "chunked, very long extension": (request) =>
    inChunks(request, Buffer.from(`0;${"a".repeat(20_000)}\r\n\r\n`)),
  "chunked, trailers": (request) =>
    inChunks(request, Buffer.from("0\r\nMF-Original-URL: http://localhost/x\r\n\r\n")),
  "chunked, huge size": (request) =>
    inChunks(request, Buffer.from("FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n")),
  "chunked, large size": (request) => cut(inChunks(request, Buffer.from("7FFFFFFFFFFFFFFF\r\nx"))),
  "chunked, negative size": (request) => inChunks(request, Buffer.from("-1\r\nx\r\n0\r\n\r\n")),
  "chunked, no size": (request) => inChunks(request, Buffer.from("x\r\n\r\n")),
  "chunked, size in hexadecimal notation": (request) =>
    inChunks(request, Buffer.from("0x1\r\nx\r\n0\r\n\r\n")),
  "chunked, bare line feeds": (request) => inChunks(request, Buffer.from("1\nx\n0\n\n")),
  "chunked, no end": (request) => cut(inChunks(request, Buffer.from("1\r\nx\r\n"))),
  "no length": (request) => withoutHeader(request, "Content-Length"),
  "too short": (request) =>
    cut(withHeader(request, "Content-Length", String(request.body.length + 10))),
  "far too short": (request) => cut(withHeader(request, "Content-Length", "2000000000")),
  "longer than exact numbers": (request) =>
    cut(withHeader(request, "Content-Length", "99999999999999999999999")),
  "too long": (request) =>
    withHeader(request, "Content-Length", String(Math.max(0, request.body.length - 3))),
  "a hidden request behind": (request) => ({
    ...withHeader(request, "Content-Length", String(request.body.length)),
    body: Buffer.concat([request.body, HIDDEN]),
  }),
  negative: (request) => withHeader(request, "Content-Length", "-5"),
  "plus sign": (request) => withHeader(request, "Content-Length", `+${request.body.length}`),
  "not a number": (request) => withHeader(request, "Content-Length", "abc"),
  hexadecimal: (request) => withHeader(request, "Content-Length", "0x10"),
  fraction: (request) => withHeader(request, "Content-Length", "2.0"),
  "nothing as length": (request) => withHeader(request, "Content-Length", ""),
  "two in one": (request) => withHeader(request, "Content-Length", "2, 3"),
  "the same twice": (request) => again(request, lengthOf(request)),
  "another one": (request) => again(request, String(Number(lengthOf(request)) + 1)),
  "length and chunks": (request) => bothWays(request, "Transfer-Encoding", "chunked"),
  "length and chunks, spelled oddly": (request, random) =>
    bothWays(
      request,
      random.pick([
        "Transfer-Encoding ",
        "Transfer_Encoding",
        "transfer-encoding",
        " Transfer-Encoding",
      ]),
      random.pick(["chunked", "\tchunked", "xchunked", "chunked, identity", "CHUNKED"]),
    ),
  "another coding": (request, random) =>
    inChunks(
      request,
      chunked(request.body),
      random.pick([
        "gzip, chunked",
        "gzip",
        "identity",
        "chunked, chunked",
        "x",
        "",
        "chunked;q=1",
      ]),
    ),
  "coding twice": (request) => {
    const once = inChunks(request, chunked(request.body));
    return { ...once, headers: [...once.headers, ["Transfer-Encoding", "identity"]] };
  },
  "another version": (request, random) => ({
    ...request,
    version: random.pick([
      "HTTP/1.0",
      "HTTP/2.0",
      "HTTP/0.9",
      "HTTP/1.2",
      "http/1.1",
      "HTTP/9",
      "",
      "X",
    ]),
  }),
  "lines that end otherwise": (request, random) => ({
    ...request,
    lineEnd: random.pick(["\n", "\r\r\n", "\n\r", "\r\n\r\n"]),
  }),
  // To most readers such a head never ends.
  "lines that end in carriage returns": (request) => cut({ ...request, lineEnd: "\r" }),
  "cut anywhere": (request, random) => ({ ...cut(request), share: random.int(1000) / 1000 }),
};

/** Whole by its length, and by its chunks; only these make a second request of what follows. */
function bothWays(request: RawRequest, name: string, coding: string): RawRequest {
  const body = Buffer.concat([Buffer.from("0\r\n\r\n"), HIDDEN]);
  const sized = withHeader({ ...request, body }, "Content-Length", String(body.length));
  return withHeader(sized, name, coding);
}

function cut(request: RawRequest): RawRequest {
  return { ...request, cutShort: true };
}

function lengthOf(request: RawRequest): string {
  return headerOf(request, "Content-Length") ?? String(request.body.length);
}

function again(request: RawRequest, length: string): RawRequest {
  const once = withHeader(request, "Content-Length", lengthOf(request));
  return { ...once, headers: [...once.headers, ["Content-Length", length]] };
}

export function withMutatedFraming(request: RawRequest, random: Random): RawRequest {
  return FRAMINGS[random.pick(Object.keys(FRAMINGS))]!(request, random);
}
