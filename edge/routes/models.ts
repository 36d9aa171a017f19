import { Hono } from "hono";
import { z } from "zod";
import type { Digest } from "../../protocol/digest.ts";
import { digestSchema } from "../../protocol/round/identifiers.ts";
import {
  storedPartSchema,
  uploadRequestSchema,
  uploadStateSchema,
} from "../../protocol/round/upload.ts";
import type { AppEnvironment } from "../environment.ts";
import { beginUpload, completeUpload, storePart } from "../uploads/upload-model.ts";
import { describe } from "./describe.ts";
import { digestPath, jsonBody, partPath, requireJson } from "./validation.ts";

const storedModelSchema = z.object({ digest: digestSchema, bytes: z.int() });

/** Models come in parts: `/admin/models` (SPEC P10). */
export const modelRoutes = new Hono<AppEnvironment>()
  .post(
    "/:digest",
    describe({
      tag: "admin",
      summary: "Begin to upload a model file under its SHA-256, or see which parts are missing",
      bearer: "admin",
      answers: { 200: uploadStateSchema },
      problems: ["malformed-request", "payload-too-large", "length-mismatch"],
    }),
    digestPath,
    requireJson,
    jsonBody(uploadRequestSchema),
    async (context) => {
      const { digest } = context.req.valid("param");
      const request = context.req.valid("json");
      return context.json(await beginUpload(context.env, digest, request), 200);
    },
  )
  .put(
    "/:digest/parts/:index",
    describe({
      tag: "admin",
      summary: "Upload one part of a model file",
      bearer: "admin",
      body: "application/octet-stream",
      answers: { 200: storedPartSchema, 201: storedPartSchema },
      problems: [
        "malformed-request",
        "not-found",
        "length-required",
        "length-mismatch",
        "digest-mismatch",
      ],
    }),
    partPath,
    async (context) => {
      const { digest: model, index } = context.req.valid("param");
      const { created, digest } = await storePart(context.env, model, index, context.req.raw);
      return context.json({ index, digest }, created ? 201 : 200);
    },
  )
  .post(
    "/:digest/complete",
    describe({
      tag: "admin",
      summary: "Make the model of its parts, if the whole hashes to its name",
      bearer: "admin",
      answers: { 200: storedModelSchema },
      problems: ["malformed-request", "not-found", "incomplete-upload", "digest-mismatch"],
    }),
    digestPath,
    async (context) => {
      const { digest } = context.req.valid("param");
      const bytes = await completeUpload(context.env, digest as Digest);
      return context.json({ digest, bytes }, 200);
    },
  );
