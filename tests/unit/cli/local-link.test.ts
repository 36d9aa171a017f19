import { describe, expect, it } from "vitest";
import { opensHereOnly } from "../../../client/cli/local-link.ts";
import { network, publicOrigin } from "../../../client/cli/options/option-values.ts";

describe("a link", () => {
  it.each([
    ["http://127.0.0.1:8787/join/c-a#t", true],
    ["http://127.9.9.9/join/c-a", true],
    ["http://localhost:8787/", true],
    ["http://scour.localhost/", true],
    ["http://[::1]:8787/", true],
    ["https://scour.example.org/join/c-a", false],
    ["http://192.168.1.5:8787/", false],
    ["http://localhost.example.org/", false],
  ])("%s opens here only: %s", (link, here) => {
    expect(opensHereOnly(link)).toBe(here);
  });
});

describe("--public-url", () => {
  it("is an origin", () => {
    expect(publicOrigin("https://Scour.example.org/")).toBe("https://scour.example.org");
    expect(publicOrigin("http://192.168.1.5:8787")).toBe("http://192.168.1.5:8787");
  });

  it.each([
    "scour.example.org",
    "ftp://scour.example.org",
    "https://scour.example.org/path",
    "https://user@scour.example.org",
    "https://scour.example.org/?q",
    "javascript:alert(1)",
  ])("'%s' is refused", (text) => {
    expect(() => publicOrigin(text)).toThrow("without a path");
  });
});

describe("--trusted-proxy", () => {
  it("collects addresses and networks, and names one that is neither", () => {
    expect(network("10.0.0.0/8", network("::1"))).toEqual(["::1", "10.0.0.0/8"]);
    expect(() => network("proxy")).toThrow("'proxy'");
  });
});
