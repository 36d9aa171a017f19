import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTarget } from "../../../../../client/cli/coordinator/front/request-target.ts";
import { ProtocolError } from "../../../../../protocol/errors.ts";

const FILES = new Set(["/index.html", "/icon.svg", "/assets/main-Bx_1.js"]);
const read = (method: string, url: string) => readTarget(method, url, FILES);

function codeOf(method: string, url: string): string {
  try {
    return read(method, url).kind;
  } catch (error) {
    if (error instanceof ProtocolError) return error.code;
    throw error;
  }
}

describe("what a request is for", () => {
  it.each([
    ["GET", "/", "public", "/"],
    ["HEAD", "/join/c-abc234?from=mail", "public", "/"],
    ["GET", "/assets/main-Bx_1.js", "public", "/assets/main-Bx_1.js"],
    ["GET", "/api/v1/health", "public", "/api/v1/health"],
    ["GET", "/api/v1/campaign", "api", "/api/v1/campaign"],
    ["GET", "http://elsewhere/api/v1/campaign", "api", "/api/v1/campaign"],
    [
      "GET",
      "/api/v1/admin/campaigns/c-a/export?round=3",
      "api",
      "/api/v1/admin/campaigns/c-a/export?round=3",
    ],
    ["PUT", "/api/v1/admin/models/ab/parts/0", "upload", "/api/v1/admin/models/ab/parts/0"],
    ["PUT", "/api/v1/rounds/0/1/slices/2", "upload", "/api/v1/rounds/0/1/slices/2"],
    ["POST", "/api/v1/rounds/0/1/slices/2", "api", "/api/v1/rounds/0/1/slices/2"],
    ["GET", "/api/v1/events", "events", "/api/v1/events"],
  ])("%s %s is %s", (method, url, kind, path) => {
    expect(read(method, url)).toEqual({ kind, path });
  });

  it.each([
    "/cdn-cgi/local/r2/public/scour-blobs/blobs/x",
    "/CDN-CGI/local/explorer",
    "/%63dn-cgi/local/explorer",
    "/./cdn-cgi/local/explorer",
    "/api/v1/../../cdn-cgi/local/explorer",
    "/api/v1/..%2f..%2fcdn-cgi/",
    "//cdn-cgi/local/explorer",
    "/join/../cdn-cgi/local/explorer",
    "/join/%2e%2e/cdn-cgi",
    "\\cdn-cgi\\local",
    "http://localhost/cdn-cgi/local/explorer",
    "http://localhost:1/%2e/cdn-cgi/local",
    "file:///cdn-cgi/x",
    "/__cf_local/stream/x",
    "/api/v1",
    "/api/v1/",
    "/api/v1//health",
    "/api/v2/health",
    "/api/v1/health%00",
    "/assets/other.js",
    "/join/a/b",
    "*",
    "",
  ])("%s is nothing", (url) => {
    expect(codeOf("GET", url)).toBe("not-found");
  });

  it.each(["OPTIONS", "TRACE", "PATCH", "M-SEARCH", "PROPFIND"])("%s is no method", (method) => {
    expect(codeOf(method, "/api/v1/campaign")).toBe("method-not-allowed");
    expect(codeOf(method, "/")).toBe("method-not-allowed");
  });

  it("passes on nothing but pages it knows and plain paths below the API", () => {
    const piece = fc.constantFrom(
      ..."/ // . .. % %2e %2F cdn-cgi CDN-cgi local api v1 join assets health ? # \\ : @ http://x".split(
        " ",
      ),
    );
    const url = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
      fc.string(),
    );
    fc.assert(
      fc.property(url, (text) => {
        let path = "";
        try {
          ({ path } = read("GET", text));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
          return;
        }
        const isKnownPage = path === "/" || FILES.has(path);
        expect(isKnownPage || /^\/api\/v1(\/[\w-][\w.-]*)+(\?[\w.~=&%+-]*)?$/.test(path)).toBe(
          true,
        );
        // Whoever parses it as an address sees the same path.
        expect(new URL(path, "http://host").pathname).toBe(path.split("?")[0]);
      }),
      { numRuns: 2000 },
    );
  });
});
