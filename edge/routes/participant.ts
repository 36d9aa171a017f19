import { Hono } from "hono";
import { z } from "zod";
import {
  campaignViewSchema,
  enrolReplySchema,
  enrolRequestSchema,
  invitePreviewSchema,
  renewReplySchema,
  renewRequestSchema,
} from "../../protocol/round/access.ts";
import {
  checkInReplySchema,
  checkInRequestSchema,
  commitReplySchema,
  commitRequestSchema,
  uploadStatusSchema,
} from "../../protocol/round/assignment.ts";
import { outcomeSchema, receiptSchema } from "../../protocol/round/after-end.ts";
import { digestSchema } from "../../protocol/round/identifiers.ts";
import {
  requireInvite,
  requireParticipant,
  requireSocketParticipant,
} from "../access/authenticate.ts";
import { randomIdentifier } from "../access/identifiers.ts";
import { signingKeys } from "../access/secrets.ts";
import { signToken } from "../access/tokens.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { exportStudent } from "../campaign/export-student.ts";
import { unknownParticipant } from "../campaign/participants/permission.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { AppEnvironment, Environment, ParticipantIdentity } from "../environment.ts";
import { unwrap } from "../outcome.ts";
import { refuseReplySchema, refuseRequestSchema } from "../../protocol/round/refusal.ts";
import { voteReplySchema, voteRequestSchema } from "../../protocol/round/trial/examination.ts";
import { describe } from "./describe.ts";
import { storeSlice } from "./store-slice.ts";
import { attemptPath, jsonBody, requireJson, slicePath } from "./validation.ts";

/** Lifetime of a credential (SPEC P6), ms. */
const CREDENTIAL_MS = 86_400_000;

/** A fresh credential; every renewal gives another. */
function credentialOf(environment: Environment, identity: ParticipantIdentity): Promise<string> {
  const now = Date.now();
  const claims = { kind: "participant" as const, ...identity };
  return signToken(signingKeys(environment)[0]!, claims, now, now + CREDENTIAL_MS);
}

const storedSliceSchema = z.object({ index: z.int(), digest: digestSchema });

/** What invites and credentials open. */
export const participantRoutes = new Hono<AppEnvironment>()
  .get(
    "/invite",
    describe({
      tag: "participant",
      summary: "Show what an invite offers, before anybody enrols",
      bearer: "invite",
      answers: { 200: invitePreviewSchema },
      problems: ["not-found"],
    }),
    requireInvite,
    async (context) => {
      const { campaign, invite } = context.get("invite");
      return context.json(
        unwrap(await context.env.CAMPAIGN.getByName(campaign).preview(invite)),
        200,
      );
    },
  )
  .post(
    "/enrol",
    describe({
      tag: "participant",
      summary: "Enrol with an invite",
      bearer: "invite",
      answers: { 201: enrolReplySchema },
      problems: [
        "malformed-request",
        "payload-too-large",
        "forbidden",
        "participant-revoked",
        "not-found",
        "campaign-state",
      ],
    }),
    requireInvite,
    requireJson,
    jsonBody(enrolRequestSchema),
    async (context) => {
      const { campaign, invite } = context.get("invite");
      const enrolled = unwrap(
        await context.env.CAMPAIGN.getByName(campaign).enrol(
          invite,
          randomIdentifier("p"),
          context.req.valid("json"),
        ),
      );
      const { participant } = enrolled;
      const credential = await credentialOf(context.env, { campaign, participant });
      return context.json({ ...enrolled, credential }, 201);
    },
  )
  .post(
    "/renew",
    describe({
      tag: "participant",
      summary: "Get a new credential for a signature by the participant's key",
      answers: { 200: renewReplySchema },
      problems: [
        "malformed-request",
        "payload-too-large",
        "unauthenticated",
        "participant-revoked",
        "bad-signature",
        "campaign-ended",
        "quota-exceeded",
      ],
    }),
    requireJson,
    jsonBody(renewRequestSchema),
    async (context) => {
      const request = context.req.valid("json");
      const { campaign, participant } = request;
      // Nobody has shown a token: ids that were made up must not make objects.
      if (!(await directoryOf(context.env).has(campaign))) throw unknownParticipant();
      unwrap(await context.env.CAMPAIGN.getByName(campaign).renew(request));
      const credential = await credentialOf(context.env, { campaign, participant });
      return context.json({ credential }, 200);
    },
  )
  .get(
    "/outcome",
    describe({
      tag: "participant",
      summary: "Show how the campaign ended, for 30 days after",
      bearer: "participant",
      answers: { 200: outcomeSchema },
      problems: ["campaign-state"],
    }),
    requireParticipant,
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      return context.json(unwrap(await stub.outcome(participant)), 200);
    },
  )
  .get(
    "/receipt",
    describe({
      tag: "participant",
      summary: "Show what this participant gave to a campaign that has ended",
      bearer: "participant",
      answers: { 200: receiptSchema },
      problems: ["campaign-state"],
    }),
    requireParticipant,
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      return context.json(unwrap(await stub.receipt(participant)), 200);
    },
  )
  .get(
    "/result",
    describe({
      tag: "participant",
      summary: "Download the cleansed model where the organiser shares it",
      bearer: "participant",
      answers: { 200: "application/octet-stream" },
      problems: ["campaign-state"],
    }),
    requireParticipant,
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      const { model, student } = unwrap(await stub.result(participant));
      return await exportStudent(context.env.BLOBS, model, student, campaign);
    },
  )
  .get(
    "/campaign",
    describe({
      tag: "participant",
      summary: "Show the campaign this participant is enrolled in",
      bearer: "participant",
      answers: { 200: campaignViewSchema },
    }),
    requireParticipant,
    async (context) => {
      const { campaign, participant } = context.get("participant");
      return context.json(
        unwrap(await context.env.CAMPAIGN.getByName(campaign).view(participant)),
        200,
      );
    },
  )
  .post(
    "/check-in",
    describe({
      tag: "participant",
      summary: "Ask what to do now",
      bearer: "participant",
      answers: { 200: checkInReplySchema },
      problems: ["malformed-request", "payload-too-large"],
    }),
    requireParticipant,
    requireJson,
    jsonBody(checkInRequestSchema),
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      return context.json(unwrap(await stub.checkIn(participant, context.req.valid("json"))), 200);
    },
  )
  .get(
    "/events",
    describe({
      tag: "participant",
      summary: "Open the event socket (subprotocols scour.v1 and scour.bearer.<credential>)",
      answers: {},
      problems: [
        "malformed-request",
        "unauthenticated",
        "credential-expired",
        "forbidden",
        "participant-revoked",
        "campaign-ended",
      ],
    }),
    requireSocketParticipant,
    async (context) => {
      if (context.req.header("Upgrade")?.toLowerCase() !== "websocket") {
        throw new ProtocolError("malformed-request", "this route is a WebSocket: ask to upgrade");
      }
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      return await stub.fetch("https://campaign/events", {
        headers: { Upgrade: "websocket", "Scour-Participant": participant },
      });
    },
  )
  .get(
    "/rounds/:round/:attempt/upload",
    describe({
      tag: "participant",
      summary: "Show which slices of this participant's update are stored",
      bearer: "participant",
      answers: { 200: uploadStatusSchema },
      problems: ["malformed-request", "stale-round"],
    }),
    requireParticipant,
    attemptPath,
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      const status = unwrap(await stub.uploadStatus(participant, context.req.valid("param")));
      return context.json(status, 200);
    },
  )
  .put(
    "/rounds/:round/:attempt/slices/:index",
    describe({
      tag: "participant",
      summary: "Upload the frame of one slice",
      bearer: "participant",
      body: "application/octet-stream",
      answers: { 200: storedSliceSchema, 201: storedSliceSchema },
      problems: [
        "malformed-request",
        "not-found",
        "stale-round",
        "update-conflict",
        "length-required",
        "length-mismatch",
        "digest-mismatch",
        "malformed-update",
      ],
    }),
    requireParticipant,
    slicePath,
    async (context) => {
      const { index, ...attempt } = context.req.valid("param");
      const { created, digest } = await storeSlice(
        context.env,
        context.get("participant"),
        attempt,
        index,
        context.req.raw,
      );
      return context.json({ index, digest }, created ? 201 : 200);
    },
  )
  .post(
    "/rounds/:round/:attempt/commit",
    describe({
      tag: "participant",
      summary: "Close an update whose slices are all stored",
      bearer: "participant",
      answers: { 200: commitReplySchema },
      problems: [
        "malformed-request",
        "payload-too-large",
        "bad-signature",
        "stale-round",
        "update-conflict",
        "incomplete-update",
      ],
    }),
    requireParticipant,
    attemptPath,
    requireJson,
    jsonBody(commitRequestSchema),
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      const { round, attempt } = context.req.valid("param");
      const request = context.req.valid("json");
      return context.json(unwrap(await stub.commit(participant, { round, attempt }, request)), 200);
    },
  )
  .post(
    "/rounds/:round/:attempt/refuse",
    describe({
      tag: "participant",
      summary: "Say that the round's student is broken, so that no update of it can be made",
      bearer: "participant",
      answers: { 200: refuseReplySchema },
      problems: ["malformed-request", "payload-too-large", "stale-round", "update-conflict"],
    }),
    requireParticipant,
    attemptPath,
    requireJson,
    jsonBody(refuseRequestSchema),
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      const { round, attempt } = context.req.valid("param");
      const request = context.req.valid("json");
      return context.json(unwrap(await stub.refuse(participant, { round, attempt }, request)), 200);
    },
  )
  .post(
    "/rounds/:round/:attempt/vote",
    describe({
      tag: "participant",
      summary: "Say what a candidate for the student is like beside the one before it",
      bearer: "participant",
      answers: { 200: voteReplySchema },
      problems: [
        "malformed-request",
        "payload-too-large",
        "bad-signature",
        "forbidden",
        "stale-round",
        "update-conflict",
      ],
    }),
    requireParticipant,
    attemptPath,
    requireJson,
    jsonBody(voteRequestSchema),
    async (context) => {
      const { campaign, participant } = context.get("participant");
      const stub = context.env.CAMPAIGN.getByName(campaign);
      const { round, attempt } = context.req.valid("param");
      const request = context.req.valid("json");
      const id = unwrap(await stub.vote(participant, { round, attempt }, request));
      return context.json({ ...id, candidate: request.candidate }, 200);
    },
  );
