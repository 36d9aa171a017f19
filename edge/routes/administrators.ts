import { Hono } from "hono";
import { z } from "zod";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  ADMINISTRATOR_TOKEN_PREFIX,
  administratorRequestSchema,
  administratorSchema,
  auditEntrySchema,
  namedAdministratorSchema,
} from "../../protocol/round/administration.ts";
import { tokenHash } from "../access/administrator.ts";
import { requireOwner } from "../access/authenticate.ts";
import { randomIdentifier, randomToken } from "../access/identifiers.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { AppEnvironment } from "../environment.ts";
import { describe } from "./describe.ts";
import { administratorPath, auditQuery, jsonBody, requireJson } from "./validation.ts";

/** Who administers the coordinator: `/admin/administrators` (SPEC A10). */
export const administratorRoutes = new Hono<AppEnvironment>()
  .use(requireOwner)
  .post(
    "/",
    describe({
      tag: "admin",
      summary: "Name an administrator; the token is told this once",
      bearer: "admin",
      answers: { 201: namedAdministratorSchema },
      problems: ["malformed-request", "payload-too-large"],
    }),
    requireJson,
    jsonBody(administratorRequestSchema),
    async (context) => {
      const { expiresInSeconds, name, role } = context.req.valid("json");
      const createdAt = Date.now();
      const administrator = {
        id: randomIdentifier("a"),
        name,
        role,
        createdAt,
        expiresAt: createdAt + 1000 * expiresInSeconds,
        revoked: false,
      };
      const token = ADMINISTRATOR_TOKEN_PREFIX + randomToken();
      await directoryOf(context.env).addAdministrator(administrator, await tokenHash(token));
      return context.json({ ...administrator, token }, 201);
    },
  )
  .get(
    "/",
    describe({
      tag: "admin",
      summary: "List administrators, oldest first",
      bearer: "admin",
      answers: { 200: z.array(administratorSchema) },
    }),
    async (context) => context.json(await directoryOf(context.env).administrators(), 200),
  )
  .delete(
    "/:id",
    describe({
      tag: "admin",
      summary: "Revoke an administrator's token",
      bearer: "admin",
      answers: { 200: administratorSchema },
      problems: ["malformed-request", "not-found"],
    }),
    administratorPath,
    async (context) => {
      const { id } = context.req.valid("param");
      const revoked = await directoryOf(context.env).revokeAdministrator(id);
      if (revoked === undefined) {
        throw new ProtocolError(
          "not-found",
          `there is no administrator ${id}: GET /api/v1/admin/administrators lists them`,
        );
      }
      return context.json(revoked, 200);
    },
  );

/** What administrators did: `/admin/audit` (SPEC A11). */
export const auditRoutes = new Hono<AppEnvironment>().use(requireOwner).get(
  "/",
  describe({
    tag: "admin",
    summary: "What administrators did and who was refused, the latest first",
    bearer: "admin",
    answers: { 200: z.array(auditEntrySchema) },
    problems: ["malformed-request"],
  }),
  auditQuery,
  async (context) => {
    const { before, limit } = context.req.valid("query");
    return context.json(await directoryOf(context.env).auditPage(before, limit), 200);
  },
);
