import { SignJWT } from "jose";
import type { Random } from "../random.ts";
import { headerOf, withHeader, type RawRequest } from "../raw-request.ts";

/** Ways to come without a right token, starting from one. */
const WRONG_TOKENS = {
  none: () => undefined,
  empty: () => "Bearer ",
  garbage: (_, random) => `Bearer ${random.bytes(24).toString("base64url")}`,
  "another scheme": (token) => `Basic ${Buffer.from(`admin:${token}`).toString("base64")}`,
  "no scheme": (token) => `${token}x`,
  "last character changed": (token) => `Bearer ${token.slice(0, -2)}${flip(token.at(-2)!)}A`,
  "first character changed": (token) => `Bearer ${flip(token[0]!)}${token.slice(1)}`,
  shorter: (token) => `Bearer ${token.slice(0, -1)}`,
  longer: (token) => `Bearer ${token}A`,
  twice: (token) => `Bearer ${token}.${token}`,
  "very long": (_, random) => `Bearer ${random.bytes(3000).toString("base64url")}`,
  "letters beyond ASCII": () => "Bearer \u00e9\u00ff\u00c3\u00a9",
  "another key": async (token) => `Bearer ${await forged(payloadOf(token), Buffer.alloc(32, 9))}`,
  "the empty key": async (token) => `Bearer ${await forged(payloadOf(token), Buffer.alloc(32))}`,
  "no algorithm": (token) => `Bearer ${unsigned("none", payloadOf(token))}.`,
  "no algorithm, signed": (token) =>
    `Bearer ${unsigned("none", payloadOf(token))}.${token.split(".")[2] ?? ""}`,
  "an algorithm nobody knows": (token) => `Bearer ${unsigned("HS1", payloadOf(token))}.AAAA`,
  "payload exchanged": (token) => `Bearer ${payloadExchanged(token)}`,
  "a header of nested arrays": () => `Bearer ${base64("[".repeat(900))}.${base64("{}")}.AAAA`,
} as const satisfies Record<
  string,
  (token: string, random: Random) => string | undefined | Promise<string>
>;

const KINDS = Object.keys(WRONG_TOKENS) as (keyof typeof WRONG_TOKENS)[];

/** The request with a token that is not right, in one of the ways above. */
export async function withWrongToken(
  request: RawRequest,
  token: string,
  random: Random,
): Promise<RawRequest> {
  if (random.chance(0.05)) {
    // Where logs would see it; no route reads it.
    const mark = request.target.includes("?") ? "&" : "?";
    return { ...request, target: `${request.target}${mark}token=${token}&access_token=${token}` };
  }
  const make: (token: string, random: Random) => string | undefined | Promise<string> =
    WRONG_TOKENS[random.pick(KINDS)];
  const value = await make(token, random);
  if (value === undefined) return request;
  if (headerOf(request, "Upgrade") === undefined)
    return withHeader(request, "Authorization", value);
  const offered = value.replace("Bearer ", "scour.v1, scour.bearer.");
  return withHeader(request, "Sec-WebSocket-Protocol", offered);
}

function flip(character: string): string {
  return character === "A" ? "B" : "A";
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** Claims of a token of ours; some for a token that has none, as the administrator's. */
export function payloadOf(token: string): Record<string, unknown> {
  const [, payload] = token.split(".");
  if (payload === undefined) return { kind: "administrator" };
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
}

/** A token with these claims, signed by whoever has the key. */
export async function forged(claims: Record<string, unknown>, key: Uint8Array): Promise<string> {
  return await new SignJWT(claims).setProtectedHeader({ alg: "HS256", typ: "JWT" }).sign(key);
}

export function unsigned(alg: string, claims: Record<string, unknown>): string {
  return `${base64(JSON.stringify({ alg, typ: "JWT" }))}.${base64(JSON.stringify(claims))}`;
}

/** Header and signature of the token around claims that it does not have. */
export function payloadExchanged(token: string): string {
  const [header = "", , signature = ""] = token.split(".");
  const claims = { ...payloadOf(token), kind: "participant", participant: `p-${"a".repeat(20)}` };
  return [header, base64(JSON.stringify(claims)), signature].join(".");
}
