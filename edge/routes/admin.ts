import { Hono } from "hono";
import { audited } from "../access/audit.ts";
import { requireAdmin } from "../access/authenticate.ts";
import { allFigures } from "../directory/all-campaigns.ts";
import type { AppEnvironment } from "../environment.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../metrics/prometheus.ts";
import { administratorRoutes, auditRoutes } from "./administrators.ts";
import { campaignRoutes } from "./campaigns.ts";
import { describe } from "./describe.ts";
import { inviteRoutes } from "./invites.ts";
import { modelRoutes } from "./models.ts";

/** What an administrator's token opens: `/admin`. */
export const adminRoutes = new Hono<AppEnvironment>()
  .use(audited)
  .use(requireAdmin)
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
  .route("/models", modelRoutes)
  // First: `/:id/:action` of the others would take `/:id/invites` for an action.
  .route("/campaigns", inviteRoutes)
  .route("/campaigns", campaignRoutes);
