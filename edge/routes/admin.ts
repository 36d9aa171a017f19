import { Hono } from "hono";
import { z } from "zod";
import { digestSchema } from "../../protocol/round/identifiers.ts";
import { audited } from "../access/audit.ts";
import { requireAdmin } from "../access/authenticate.ts";
import { uploadModel } from "../blobs/model-upload.ts";
import { allFigures } from "../directory/all-campaigns.ts";
import type { AppEnvironment } from "../environment.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../metrics/prometheus.ts";
import { administratorRoutes, auditRoutes } from "./administrators.ts";
import { campaignRoutes } from "./campaigns.ts";
import { describe } from "./describe.ts";
import { inviteRoutes } from "./invites.ts";
import { digestPath } from "./validation.ts";

const storedModelSchema = z.object({ digest: digestSchema, bytes: z.int() });

/** What an administrator's token opens: `/admin`. */
export const adminRoutes = new Hono<AppEnvironment>()
  .use(audited)
  .use(requireAdmin)
  .put(
    "/models/:digest",
    describe({
      tag: "admin",
      summary: "Upload a model file under its SHA-256",
      bearer: "admin",
      body: "application/octet-stream",
      answers: { 200: storedModelSchema, 201: storedModelSchema },
      problems: [
        "malformed-request",
        "length-required",
        "payload-too-large",
        "length-mismatch",
        "digest-mismatch",
      ],
    }),
    digestPath,
    async (context) => {
      const { digest } = context.req.valid("param");
      const { created, bytes } = await uploadModel(context.env.BLOBS, digest, context.req.raw);
      return context.json({ digest, bytes }, created ? 201 : 200);
    },
  )
  .get(
    "/metrics",
    describe({
      tag: "admin",
      summary: "Figures of all campaigns for Prometheus",
      bearer: "admin",
      answers: { 200: "text/plain" },
    }),
    async (context) =>
      context.body(prometheusText(await allFigures(context.env)), 200, {
        "Content-Type": PROMETHEUS_CONTENT_TYPE,
      }),
  )
  .route("/administrators", administratorRoutes)
  .route("/audit", auditRoutes)
  // First: `/:id/:action` of the others would take `/:id/invites` for an action.
  .route("/campaigns", inviteRoutes)
  .route("/campaigns", campaignRoutes);
