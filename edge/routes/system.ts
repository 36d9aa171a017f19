import { Hono } from "hono";
import { z } from "zod";
import { PROTOCOL_VERSION } from "../../protocol/round/version.ts";
import type { AppEnvironment } from "../environment.ts";
import { VERSION } from "../version.ts";
import { describe } from "./describe.ts";

const healthSchema = z.object({
  status: z.literal("ok"),
  protocol: z.int(),
  version: z.string(),
});

/** What anybody may ask. */
export const systemRoutes = new Hono<AppEnvironment>().get(
  "/health",
  describe({
    tag: "system",
    summary: "Whether the coordinator is up",
    answers: { 200: healthSchema },
  }),
  (context) =>
    context.json({ status: "ok" as const, protocol: PROTOCOL_VERSION, version: VERSION }, 200),
);
