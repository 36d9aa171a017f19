import { Hono } from "hono";
import type { BlankEnv, ExtractSchema } from "hono/types";
import { openAPIRouteHandler } from "hono-openapi";
import type { AppEnvironment } from "./environment.ts";
import { notFound, problemResponse } from "./problems.ts";
import { protocolVersion } from "./protocol-version.ts";
import { adminRoutes } from "./routes/admin.ts";
import { blobRoutes } from "./routes/blobs.ts";
import { pages } from "./routes/pages.ts";
import { participantRoutes } from "./routes/participant.ts";
import { systemRoutes } from "./routes/system.ts";
import { securityHeaders } from "./security-headers.ts";
import { VERSION } from "./version.ts";

const routes = new Hono<AppEnvironment>()
  .use("*", securityHeaders)
  .use("/api/*", protocolVersion)
  .route("/api/v1", systemRoutes)
  .route("/api/v1/admin", adminRoutes)
  .route("/api/v1/blobs", blobRoutes)
  .route("/api/v1", participantRoutes);

/** The route table as `hono/client` reads it, free of the Worker's own types. */
export type AppType = Hono<BlankEnv, ExtractSchema<typeof routes>, "/">;

const openApi = openAPIRouteHandler(routes, {
  documentation: {
    openapi: "3.1.0",
    info: {
      title: "Scour coordinator",
      version: VERSION,
      description:
        "Federated cleansing of backdoored image classifiers. Errors are RFC 9457 problem documents of type urn:scour:problem:<code>.",
    },
    components: {
      securitySchemes: {
        admin: { type: "http", scheme: "bearer", description: "SCOUR_ADMIN_TOKEN" },
        invite: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        participant: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        reader: {
          type: "http",
          scheme: "bearer",
          description: "A participant's credential or the administrator's token",
        },
      },
    },
  },
  // Refusals are problem documents, which each route describes itself.
  defaultValidationErrorResponse: false,
});

/** The whole coordinator as one request handler. */
export const app = routes
  .get("/api/v1/openapi.json", openApi)
  .all("/api/*", notFound)
  .get("*", pages)
  .notFound(notFound)
  .onError(problemResponse);
