import { Hono } from "hono";
import { requireReader } from "../access/authenticate.ts";
import { serveBlob } from "../blobs/serve-blob.ts";
import type { AppEnvironment, ParticipantIdentity } from "../environment.ts";
import { unwrap } from "../outcome.ts";
import { describe } from "./describe.ts";
import { digestPath } from "./validation.ts";

/** Blobs by digest; HEAD is answered by the same handler. */
export const blobRoutes = new Hono<AppEnvironment>().get(
  "/:digest",
  describe({
    tag: "blobs",
    summary: "Fetch a blob by its SHA-256; participants one of their own campaign",
    bearer: "reader",
    answers: { 200: "application/octet-stream", 206: "application/octet-stream" },
    problems: ["malformed-request", "not-found", "range-not-satisfiable"],
  }),
  requireReader,
  digestPath,
  async (context) => {
    const { digest } = context.req.valid("param");
    const reader: ParticipantIdentity | undefined = context.get("participant");
    if (reader !== undefined) {
      const campaign = context.env.CAMPAIGN.getByName(reader.campaign);
      unwrap(await campaign.admitReader(reader.participant, digest));
    }
    return await serveBlob(context.env.BLOBS, digest, context.req.raw);
  },
);
