import { gzipSync } from "node:zlib";
import type { Random } from "../random.ts";
import { withHeader, withoutHeader, type RawRequest } from "../raw-request.ts";

/** Names a Miniflare entry listens to, in spellings that reach it. */
const MINIFLARE_HEADERS = [
  "MF-Original-URL",
  "mf-original-url",
  "Mf-Original-Url",
  "MF-Original-Hostname",
  "MF-Proxy-Shared-Secret",
  "MF-Route-Override",
  "MF-CF-Blob",
  "MF-Access-Blob",
  "MF-Sec-Fetch-Mode",
  "MF-Custom-Fetch-Service",
  "MF-Custom-Node-Service",
  "MF-Disable-Pretty-Error",
  "MF-Experimental-Error-Stack",
  "MF-Experimental-Error-Stack-Payload",
  "MF-Op",
  "MF-Op-Secret",
  "MF-Op-Original-URL",
  "MF-Dev-Registry-Secret",
  "MF-Loopback-Secret",
] as const;

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  Host: [
    "",
    "evil.example",
    "localhost",
    "[::1]",
    "http://evil/",
    "a b",
    "x:99999",
    "é",
    "::",
    "/",
  ],
  "Content-Type": [
    "",
    "text/plain",
    "application/json; charset=utf-16",
    "application/jsonx",
    "APPLICATION/JSON",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "*/*",
    "é",
    ";",
  ],
  "Content-Encoding": ["gzip", "br", "identity", "x", "gzip, gzip"],
  "Content-Digest": [
    "",
    "sha-256=::",
    "sha-256=:AAAA:",
    "md5=:AAAA:",
    "sha-256=:%:",
    "sha-512=:AAAA:, sha-256=:A:",
    "x".repeat(3000),
  ],
  "Scour-Protocol": ["", "0", "3", "4.0", " 4", "4, 4", "-1", "x", "999999999999999999999"],
  Accept: ["", "text/html", "x".repeat(3000)],
  "Accept-Encoding": ["", "gzip;q=0", "identity;q=0", "*;q=0", "br, gzip", "x", "gzip;q=1e9"],
  Range: ["bytes=0-0", "bytes=-1", "bytes=9999999999-", "bytes=5-2", "lines=0-1", "bytes=0-0,2-3"],
  "If-None-Match": ["*", '"x"', "x", `"${"0".repeat(64)}"`, 'W/"x"'],
  "If-Range": ["x", '"x"', "Mon, 30 Nov 2026 00:00:00 GMT"],
  "If-Match": ["*", '"x"'],
  "If-Modified-Since": ["x", "Mon, 30 Nov 2026 00:00:00 GMT"],
  Expect: ["100-continue", "x", ""],
  Upgrade: ["websocket", "h2c", "x", "", "TLS/1.0, HTTP/1.1"],
  Connection: [
    "close",
    "keep-alive",
    "upgrade",
    "x",
    "",
    "MF-Original-URL",
    "Content-Length, close",
  ],
  "Sec-WebSocket-Protocol": ["", "scour.v1", "scour.v1, scour.bearer.", "scour.bearer.x", ",,,"],
  "Sec-WebSocket-Key": ["", "x"],
  "Sec-WebSocket-Version": ["0", "8", "x"],
  "X-Forwarded-For": ["", "127.0.0.1", "x", "1.2.3.4, 5.6.7.8", "::1", "é", ",".repeat(2000)],
  "X-Forwarded-Host": ["evil.example", ""],
  "X-Forwarded-Proto": ["https", "x"],
  Forwarded: ["for=1.2.3.4;host=evil.example;proto=https", "x"],
  "CF-Connecting-IP": ["1.2.3.4", "x"],
  "X-HTTP-Method-Override": ["DELETE", "x"],
  "X-Original-URL": ["/api/v1/admin/campaigns"],
  "X-Rewrite-URL": ["/api/v1/admin/campaigns"],
  Origin: ["null", "http://evil.example", "x"],
  Referer: ["http://evil.example/", "x"],
  Cookie: ["x", "a=b; ".repeat(500)],
  TE: ["trailers", "gzip", "x"],
  Trailer: ["MF-Original-URL", "Content-Length"],
  "Max-Forwards": ["0", "x"],
  "Proxy-Authorization": ["Basic eDp5"],
  "": ["nothing"],
  "A Name": ["x"],
  é: ["x"],
};

const MINIFLARE_VALUES = [
  "x",
  "{",
  "{}",
  "http://localhost/api/v1/admin/campaigns",
  "/",
  "",
  "scour",
  "custom:x",
  "http://localhost/cdn-cgi/local/explorer",
];

/** The request with a header that is odd, missing, there twice, or one of very many. */
export function withMutatedHeader(request: RawRequest, random: Random): RawRequest {
  switch (
    random.weighted({ known: 8, miniflare: 4, gone: 1, twice: 1, many: 1, fold: 1, gzip: 1 })
  ) {
    case "known": {
      const name = random.pick(Object.keys(HEADERS));
      return withHeader(request, name, random.pick(HEADERS[name]!));
    }
    case "miniflare":
      return withHeader(request, random.pick(MINIFLARE_HEADERS), random.pick(MINIFLARE_VALUES));
    case "gone": {
      const gone = random.pick(["Host", "Content-Type", "Content-Digest", "Scour-Protocol"]);
      return withoutHeader(request, gone);
    }
    case "twice":
      return { ...request, headers: [...request.headers, random.pick(request.headers)] };
    case "many": {
      const [count, length] = random.pick([
        [60, 10],
        [500, 10],
        [3000, 1],
        [10, 2000],
        [1, 70_000],
      ]);
      const many = Array.from(
        { length: count! },
        (_, i) => [`X-${i}`, "y".repeat(length!)] as const,
      );
      return { ...request, headers: [...request.headers, ...many] };
    }
    case "fold":
      return withHeader(request, "X-Folded", random.pick(["a\r\n b", "a\nb", "a\rb", "a\0b"]));
    case "gzip": {
      const body = gzipSync(request.body);
      const sized = withHeader({ ...request, body }, "Content-Length", String(body.length));
      return withHeader(sized, "Content-Encoding", "gzip");
    }
  }
}

const METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "PROPFIND",
  "M-SEARCH",
  "PURGE",
  "QUERY",
  "LOCK",
  "SOURCE",
  "PRI",
  "get",
  "Get",
  "G",
  "GETS",
  "X-NEW",
];

/** The request by another method, its body as it was. */
export function withMutatedMethod(request: RawRequest, random: Random): RawRequest {
  return { ...request, method: random.pick(METHODS) };
}
