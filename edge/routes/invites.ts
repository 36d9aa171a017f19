import { Hono } from "hono";
import { z } from "zod";
import { inviteRequestSchema, inviteSchema, type Invite } from "../../protocol/round/access.ts";
import { mayRun } from "../access/authenticate.ts";
import { randomIdentifier } from "../access/identifiers.ts";
import { signingKeys } from "../access/secrets.ts";
import { signToken } from "../access/tokens.ts";
import type { InviteRecord } from "../campaign/store/roster.ts";
import type { AppEnvironment, Environment } from "../environment.ts";
import { unwrap } from "../outcome.ts";
import { describe } from "./describe.ts";
import { campaignPath, invitePath, jsonBody, requireJson } from "./validation.ts";

/** The invite with its link: the token stands in the fragment, which no server log sees. */
async function inviteOf(
  environment: Environment,
  request: string,
  campaign: string,
  { createdAt, ...invite }: InviteRecord,
): Promise<Invite> {
  const claims = { kind: "invite" as const, campaign, invite: invite.id };
  const [key] = signingKeys(environment);
  const token = await signToken(key!, claims, createdAt, invite.expiresAt);
  // A request's own origin is what its Host header says: for whom nothing else is set, a deployment
  // that is reached under its own name alone.
  const origin = environment.SCOUR_PUBLIC_URL ?? new URL(request).origin;
  return { ...invite, url: `${origin}/join/${campaign}#${token}` };
}

/** Invites of a campaign: `/admin/campaigns/:id/invites`. */
export const inviteRoutes = new Hono<AppEnvironment>()
  .post(
    "/:id/invites",
    describe({
      tag: "admin",
      summary: "Make an invite",
      bearer: "admin",
      answers: { 201: inviteSchema },
      problems: ["malformed-request", "payload-too-large", "not-found"],
    }),
    campaignPath,
    requireJson,
    jsonBody(inviteRequestSchema),
    async (context) => {
      const { id } = context.req.valid("param");
      const { uses, places, expiresInSeconds, organisation } = context.req.valid("json");
      const createdAt = Date.now();
      const invite = unwrap(
        await context.env.CAMPAIGN.getByName(id).addInvite({
          id: randomIdentifier("i"),
          uses,
          places,
          createdAt,
          expiresAt: createdAt + 1000 * expiresInSeconds,
          organisation: organisation ?? null,
        }),
      );
      return context.json(await inviteOf(context.env, context.req.url, id, invite), 201);
    },
  )
  .get(
    "/:id/invites",
    describe({
      tag: "admin",
      summary: "List invites, oldest first",
      bearer: "admin",
      answers: { 200: z.array(inviteSchema) },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    mayRun,
    async (context) => {
      const { id } = context.req.valid("param");
      const invites = unwrap(await context.env.CAMPAIGN.getByName(id).invites());
      const withLinks = invites.map((invite) => inviteOf(context.env, context.req.url, id, invite));
      return context.json(await Promise.all(withLinks), 200);
    },
  )
  .delete(
    "/:id/invites/:invite",
    describe({
      tag: "admin",
      summary: "Revoke an invite; who enrolled with it stays",
      bearer: "admin",
      answers: { 200: inviteSchema },
      problems: ["malformed-request", "not-found"],
    }),
    invitePath,
    async (context) => {
      const { id, invite } = context.req.valid("param");
      const revoked = unwrap(await context.env.CAMPAIGN.getByName(id).revokeInvite(invite));
      return context.json(await inviteOf(context.env, context.req.url, id, revoked), 200);
    },
  );
