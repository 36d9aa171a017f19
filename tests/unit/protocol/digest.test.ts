import { describe, expect, it } from "vitest";
import { digestStream, isDigest, sha256 } from "../../../protocol/digest.ts";

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

describe("digest", () => {
  it.each([
    ["", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    ["abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
  ])("[P4] gives FIPS 180-4's digest of %j", (text, digest) => {
    expect(sha256(ascii(text))).toBe(digest);
  });

  it("gives a stream the digest of its bytes", () => {
    const stream = digestStream();
    const piece = ascii("a");
    stream.update(piece);
    piece[0] = 0;
    stream.update(ascii("bc"));
    expect(stream.finish()).toBe(sha256(ascii("abc")));
  });

  it("knows a digest by its form", () => {
    const digest = sha256(ascii("abc"));
    expect(isDigest(digest)).toBe(true);
    expect(isDigest(digest.toUpperCase())).toBe(false);
    expect(isDigest(digest.slice(1))).toBe(false);
    expect(isDigest(`${digest}\n`)).toBe(false);
  });
});
