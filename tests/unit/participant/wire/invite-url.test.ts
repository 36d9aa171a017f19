import { describe, expect, it } from "vitest";
import { parseInviteUrl } from "../../../../client/participant/wire/invite-url.ts";

const ID = `c-${"a".repeat(20)}`;

it("takes an invite link apart", () => {
  expect(parseInviteUrl(` https://scour.example:8443/join/${ID}#a.b-c_d\n`)).toEqual({
    origin: "https://scour.example:8443",
    campaign: ID,
    token: "a.b-c_d",
  });
});

describe("refuses, naming what is missing:", () => {
  for (const [text, why] of [
    ["hello", "not a URL"],
    [`ftp://scour.example/join/${ID}#t`, "https://"],
    ["https://scour.example/#t", "campaign's id"],
    ["https://scour.example/join/c-short#t", "campaign's id"],
    [`https://scour.example/join/${ID}`, "token after '#'"],
    [`https://scour.example/join/${ID}#`, "token after '#'"],
  ] as const) {
    it(text, () => {
      expect(() => parseInviteUrl(text)).toThrow(
        expect.objectContaining({ code: "invalid-invite", message: expect.stringContaining(why) }),
      );
    });
  }
});
