import { createHash } from "node:crypto";
import { sha256 } from "../../../protocol/digest.ts";
import { UPLOAD_LIMITS } from "../../../protocol/round/upload.ts";
import { PROTOCOL_HEADER, PROTOCOL_VERSION } from "../../../protocol/round/version.ts";
import type { Random } from "./random.ts";
import { headerOf, withBody, withHeader, type RawRequest } from "./raw-request.ts";
import type { ServedRoute } from "./served-routes.ts";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import { plainBody } from "./plain-body.ts";
import type { CampaignWorld } from "./world.ts";

/** Whose right token a request carries; nobody's: whatever it does, nothing may change. */
export type Authority = "nobody" | "participant" | "invite" | "admin";

/** A request in order, as its route takes it. */
export interface PlainRequest {
  readonly route: ServedRoute;
  readonly request: RawRequest;
  /** The right token, which `request` does not hold yet. */
  readonly token: string | undefined;
  readonly authority: Authority;
}

export interface PlainOptions {
  /** Whose ids, blobs and tokens it names. */
  readonly campaign: CampaignWorld;
  readonly coordinator: CoordinatorProcess;
  readonly random: Random;
  /** Whether what is proved by a signature instead of a token is signed rightly; default true. */
  readonly signs?: boolean;
}

/** A request that its route takes, but for the token. */
export async function plainRequest(
  route: ServedRoute,
  { campaign, coordinator, random, signs = true }: PlainOptions,
): Promise<PlainRequest> {
  const volunteer = random.pick(campaign.volunteers);
  const index = random.int(campaign.frames.length);
  const parameters: Readonly<Record<string, string>> = {
    id: campaign.id,
    invite: campaign.inviteId,
    participant: volunteer.id,
    // A model goes under its own digest.
    digest: route.path.includes("/models/") ? campaign.model.digest : random.pick(campaign.blobs),
    round: String(campaign.attempt.round),
    attempt: String(campaign.attempt.attempt),
    index: String(index),
    action: random.pick(["start", "pause", "resume"]),
  };
  const target = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? "0");
  let request: RawRequest = {
    method: route.method,
    target,
    headers: [
      ["Host", `127.0.0.1:${coordinator.port}`],
      [PROTOCOL_HEADER, String(PROTOCOL_VERSION)],
    ],
    body: Buffer.alloc(0),
  };
  if (route.mediaType !== undefined) {
    const body = await plainBody(route, { campaign, volunteer, index, signs });
    request = withHeader(withBody(request, body), "Content-Type", route.mediaType);
    if (route.mediaType !== "application/json") request = withDigest(request);
  }
  if (route.path.endsWith("/events")) {
    const socket = { ...request, headers: [...request.headers, ...UPGRADE] };
    return { route, request: socket, token: volunteer.credential, authority: "participant" };
  }
  switch (route.bearers[0]) {
    case "admin":
      return { route, request, token: coordinator.adminToken, authority: "admin" };
    case "invite":
      return { route, request, token: campaign.inviteToken, authority: "invite" };
    case undefined:
      // Whoever signs needs no token.
      return { route, request, token: undefined, authority: signs ? "participant" : "nobody" };
    default:
      return { route, request, token: volunteer.credential, authority: "participant" };
  }
}

/** Adds the header that names the body's digest (RFC 9530). */
export function withDigest(request: RawRequest): RawRequest {
  const digest = createHash("sha256").update(request.body).digest("base64");
  return withHeader(request, "Content-Digest", `sha-256=:${digest}:`);
}

/** The request with a bearer token, where its route looks for one. */
export function withToken(request: RawRequest, token: string): RawRequest {
  if (headerOf(request, "Upgrade") === undefined) {
    return withHeader(request, "Authorization", `Bearer ${token}`);
  }
  return withHeader(request, "Sec-WebSocket-Protocol", `scour.v1, scour.bearer.${token}`);
}

/** Asks to open a socket (RFC 6455, section 4.1). */
const UPGRADE = [
  ["Connection", "Upgrade"],
  ["Upgrade", "websocket"],
  ["Sec-WebSocket-Version", "13"],
  ["Sec-WebSocket-Key", Buffer.alloc(16, 7).toString("base64")],
] as const;

/** The requests for uploading this file under its own digest, in one part. */
export function uploadOf(
  file: Buffer,
  { adminToken, port }: CoordinatorProcess,
  token: string = adminToken,
): RawRequest[] {
  const address = `/api/v1/admin/models/${sha256(file)}`;
  const bare = (method: string, target: string): RawRequest => ({
    method,
    target,
    headers: [["Host", `127.0.0.1:${port}`]],
    body: Buffer.alloc(0),
  });
  const terms = { bytes: file.length, partBytes: UPLOAD_LIMITS.leastPartBytes };
  const begin = withBody(bare("POST", address), Buffer.from(JSON.stringify(terms)));
  return [
    withHeader(begin, "Content-Type", "application/json"),
    withDigest(withBody(bare("PUT", `${address}/parts/0`), file)),
    withBody(bare("POST", `${address}/complete`), Buffer.alloc(0)),
  ].map((request) => withToken(request, token));
}
