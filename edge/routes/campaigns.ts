import { Hono } from "hono";
import { z } from "zod";
import { campaignConfigSchema } from "../../protocol/round/campaign-config.ts";
import {
  campaignMetricsSchema,
  campaignReportSchema,
  listedCampaignSchema,
  participantReportSchema,
  removalSchema,
  roundReportSchema,
} from "../../protocol/round/reports.ts";
import { updateReportSchema } from "../../protocol/round/update-sizes.ts";
import { chainLinkSchema, committedLinkSchema } from "../campaign/chain/link.ts";
import { createCampaign } from "../campaign/start/create-campaign.ts";
import { exportStudent } from "../campaign/export-student.ts";
import { allSummaries } from "../directory/all-campaigns.ts";
import type { AppEnvironment } from "../environment.ts";
import { unwrap } from "../outcome.ts";
import { describe } from "./describe.ts";
import {
  actionPath,
  campaignPath,
  exportQuery,
  roundQuery,
  jsonBody,
  participantPath,
  positionPath,
  requireJson,
  roundPath,
} from "./validation.ts";

const chainedSchema = z.object({ chain: z.string(), link: chainLinkSchema });
const chainedRoundSchema = z.object({ chain: z.string(), link: committedLinkSchema });

/** Campaigns, as the administrator sees them: `/admin/campaigns`. */
export const campaignRoutes = new Hono<AppEnvironment>()
  .post(
    "/",
    describe({
      tag: "admin",
      summary: "Make a campaign of an uploaded model",
      bearer: "admin",
      answers: { 201: campaignReportSchema },
      problems: [
        "malformed-request",
        "payload-too-large",
        "not-found",
        "malformed-model",
        "unsupported-model",
        "unsafe-model",
        "non-finite-weights",
      ],
    }),
    requireJson,
    jsonBody(campaignConfigSchema),
    async (context) =>
      context.json(await createCampaign(context.env, context.req.valid("json")), 201),
  )
  .get(
    "/",
    describe({
      tag: "admin",
      summary: "List all campaigns, oldest first",
      bearer: "admin",
      answers: { 200: z.array(listedCampaignSchema) },
    }),
    async (context) => context.json(await allSummaries(context.env), 200),
  )
  .get(
    "/:id",
    describe({
      tag: "admin",
      summary: "Show a campaign",
      bearer: "admin",
      answers: { 200: campaignReportSchema },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    async (context) => {
      const { id } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).report()), 200);
    },
  )
  .get(
    "/:id/rounds",
    describe({
      tag: "admin",
      summary: "List all attempts at all rounds, oldest first",
      bearer: "admin",
      answers: { 200: z.array(roundReportSchema) },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    async (context) => {
      const { id } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).rounds()), 200);
    },
  )
  .get(
    "/:id/updates",
    describe({
      tag: "admin",
      summary: "List accepted updates of a round, or of all: weight, norm, what was taken of each",
      bearer: "admin",
      answers: { 200: z.array(updateReportSchema) },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    roundQuery,
    async (context) => {
      const { id } = context.req.valid("param");
      const { round } = context.req.valid("query");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).updates(round)), 200);
    },
  )
  .get(
    "/:id/rounds/:round/chain",
    describe({
      tag: "admin",
      summary: "Show a committed round's link of the hash chain, to be recomputed",
      bearer: "admin",
      answers: { 200: chainedRoundSchema },
      problems: ["malformed-request", "not-found"],
    }),
    roundPath,
    async (context) => {
      const { id, round } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).linkOfRound(round)), 200);
    },
  )
  .get(
    "/:id/chain/:position",
    describe({
      tag: "admin",
      summary: "Show a link of the hash chain, counted from 0, to be recomputed",
      bearer: "admin",
      answers: { 200: chainedSchema },
      problems: ["malformed-request", "not-found"],
    }),
    positionPath,
    async (context) => {
      const { id, position } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).link(position)), 200);
    },
  )
  .get(
    "/:id/metrics",
    describe({
      tag: "admin",
      summary: "Show a campaign's figures",
      bearer: "admin",
      answers: { 200: campaignMetricsSchema },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    async (context) => {
      const { id } = context.req.valid("param");
      const { metrics } = unwrap(await context.env.CAMPAIGN.getByName(id).figures());
      return context.json(metrics, 200);
    },
  )
  .get(
    "/:id/participants",
    describe({
      tag: "admin",
      summary: "List participants, in order of enrolment",
      bearer: "admin",
      answers: { 200: z.array(participantReportSchema) },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    async (context) => {
      const { id } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).participants()), 200);
    },
  )
  .delete(
    "/:id/participants/:participant",
    describe({
      tag: "admin",
      summary: "Remove a participant and close its invite",
      bearer: "admin",
      answers: { 200: removalSchema },
      problems: ["malformed-request", "not-found"],
    }),
    participantPath,
    async (context) => {
      const { id, participant } = context.req.valid("param");
      const campaign = context.env.CAMPAIGN.getByName(id);
      return context.json(unwrap(await campaign.removeParticipant(participant)), 200);
    },
  )
  .get(
    "/:id/export",
    describe({
      tag: "admin",
      summary: "Download the student of a committed round in the model's own format",
      bearer: "admin",
      answers: { 200: "application/octet-stream" },
      problems: ["malformed-request", "not-found"],
    }),
    campaignPath,
    exportQuery,
    async (context) => {
      const { id } = context.req.valid("param");
      const { float32, round } = context.req.valid("query");
      const { model, student } = unwrap(await context.env.CAMPAIGN.getByName(id).student(round));
      return await exportStudent(context.env.BLOBS, model, student, id, float32 === "true");
    },
  )
  .post(
    "/:id/rounds/:round/rollback",
    describe({
      tag: "admin",
      summary: "Go back to the student of so many committed rounds",
      bearer: "admin",
      answers: { 200: campaignReportSchema },
      problems: ["malformed-request", "not-found", "campaign-state"],
    }),
    roundPath,
    async (context) => {
      const { id, round } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).rollBack(round)), 200);
    },
  )
  .post(
    "/:id/:action",
    describe({
      tag: "admin",
      summary: "Start, pause, resume or abort a campaign",
      bearer: "admin",
      answers: { 200: campaignReportSchema },
      problems: ["malformed-request", "not-found", "campaign-state"],
    }),
    actionPath,
    async (context) => {
      const { id, action } = context.req.valid("param");
      return context.json(unwrap(await context.env.CAMPAIGN.getByName(id).act(action)), 200);
    },
  );
