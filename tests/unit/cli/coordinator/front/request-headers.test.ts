import { describe, expect, it } from "vitest";
import { readHeaders } from "../../../../../client/cli/coordinator/front/request-headers.ts";
import { ProtocolError } from "../../../../../protocol/errors.ts";

const LIMITS = { headers: 20 };

function read(headers: readonly (readonly [string, string])[], version = "1.1", handshake = false) {
  return readHeaders([["Host", "a"] as const, ...headers].flat(), version, LIMITS, handshake);
}

describe("a request's headers", () => {
  it("are passed on by a list; none that the runtime obeys is on it", () => {
    const { passed } = read([
      ["Authorization", "Bearer t"],
      ["content-TYPE", "application/json"],
      ["Scour-Protocol", "4"],
      ...[
        "MF-Original-URL",
        "MF-CF-Blob",
        "MF-Route-Override",
        "MF-Proxy-Shared-Secret",
        "MF-Disable-Pretty-Error",
        "MF-Op",
        "MF-Access-Blob",
        "MF-Sec-Fetch-Mode",
        "CF-Connecting-IP",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "Forwarded",
        "Connection",
        "Keep-Alive",
        "Upgrade",
      ].map((name) => [name, "x"] as const),
    ]);
    expect(passed).toEqual({
      authorization: "Bearer t",
      "content-type": "application/json",
      "scour-protocol": "4",
    });
  });

  it("of a web socket are read for its handshake alone", () => {
    const headers = [
      ["Sec-WebSocket-Key", "k"],
      ["Sec-WebSocket-Protocol", "scour.v1"],
      ["Sec-WebSocket-Protocol", "scour.bearer.x"],
    ] as const;
    expect(read(headers).passed).toEqual({});
    expect(read(headers, "1.1", true).passed).toEqual({
      "sec-websocket-key": "k",
      "sec-websocket-protocol": "scour.v1, scour.bearer.x",
    });
  });

  it("say how long the body is", () => {
    expect(read([]).framing).toEqual({ hasBody: false, length: 0 });
    expect(read([["Content-Length", "7"]]).framing).toEqual({ hasBody: true, length: 7 });
    expect(read([["Transfer-Encoding", " Chunked "]]).framing).toEqual({
      hasBody: true,
      length: undefined,
    });
  });

  it.each<readonly [string, readonly (readonly [string, string])[]]>([
    ["transfer encoding", [["Transfer-Encoding", "gzip, chunked"]]],
    ["transfer encoding", [["Transfer-Encoding", "identity"]]],
    [
      "transfer encoding",
      [
        ["Transfer-Encoding", "chunked"],
        ["Transfer-Encoding", "chunked"],
      ],
    ],
    [
      "both",
      [
        ["Transfer-Encoding", "chunked"],
        ["Content-Length", "2"],
      ],
    ],
    [
      "more than one",
      [
        ["Content-Length", "2"],
        ["Content-Length", "2"],
      ],
    ],
    ["number of bytes", [["Content-Length", "2, 3"]]],
    ["number of bytes", [["Content-Length", "-5"]]],
    ["number of bytes", [["Content-Length", "+5"]]],
    ["number of bytes", [["Content-Length", "0x5"]]],
    ["2 Host headers", [["Host", "b"]]],
    [
      "authorization comes twice",
      [
        ["Authorization", "a"],
        ["authorization", "b"],
      ],
    ],
    [
      "content-digest comes twice",
      [
        ["Content-Digest", "a"],
        ["Content-Digest", "b"],
      ],
    ],
  ])("that can be read in two ways are refused: %s", (why, headers) => {
    expect(() => read(headers)).toThrow(why);
    expect(() => read(headers)).toThrow(ProtocolError);
  });

  it.each(["http://evil/", "a b", "a/b", "user@host", "a:b", "[::1", ""])(
    "Host '%s' is refused",
    (host) => {
      expect(() => readHeaders(["Host", host], "1.1", LIMITS)).toThrow("Host");
    },
  );

  it.each(["localhost", "scour.example.org:443", "127.0.0.1:8787", "[::1]:8787"])(
    "Host '%s' is taken",
    (host) => {
      expect(readHeaders(["Host", host], "1.1", LIMITS).passed).toEqual({});
    },
  );

  it("may lack a Host in HTTP/1.0 alone; other versions are not spoken", () => {
    expect(readHeaders([], "1.0", LIMITS).passed).toEqual({});
    expect(() => readHeaders([], "1.1", LIMITS)).toThrow("0 Host headers");
    expect(() => readHeaders(["Host", "a"], "0.9", LIMITS)).toThrow("0.9");
  });

  it("are counted", () => {
    const many = Array.from({ length: 20 }, (_, i) => [`X-${i}`, "x"] as const);
    expect(() => read(many)).toThrow("more than 20 headers");
  });
});
