import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { validator } from "hono-openapi";
import { z, type ZodType } from "zod";
import { ProtocolError } from "../../protocol/errors.ts";
import {
  administratorIdSchema,
  campaignIdSchema,
  digestSchema,
  inviteIdSchema,
  participantIdSchema,
} from "../../protocol/round/identifiers.ts";
import { AUDIT_PAGE } from "../../protocol/round/administration.ts";
import { CAMPAIGN_ACTIONS } from "../../protocol/round/states.ts";
import type { AppEnvironment } from "../environment.ts";

/** Longest JSON body (SPEC P3). */
const MAX_JSON_BYTES = 65_536;

/** What a schema objects to (https://standardschema.dev). */
interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

interface Validated {
  readonly success: boolean;
  readonly target: string;
  readonly error?: readonly Issue[];
}

function pathOf(issue: Issue): string {
  return (issue.path ?? [])
    .map((part) => String(typeof part === "object" ? part.key : part))
    .join(".");
}

/** Turns what the schema objects to into a problem that names each place. */
function refuseInvalid(result: Validated): void {
  if (result.success) return;
  const errors = (result.error ?? []).map((issue) => ({
    path: pathOf(issue),
    message: issue.message,
  }));
  const list = errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  const place = { json: "body", param: "path", query: "query" }[result.target] ?? result.target;
  throw new ProtocolError("malformed-request", `the ${place} is not valid: ${list.join("; ")}`, {
    errors,
  });
}

/** A JSON body of this shape; unknown keys are the schema's to refuse. */
export const jsonBody = <Schema extends ZodType>(schema: Schema) =>
  validator<Schema, "json", AppEnvironment, string>("json", schema, refuseInvalid);

const pathParameters = <Schema extends ZodType>(schema: Schema) =>
  validator<Schema, "param", AppEnvironment, string>("param", schema, refuseInvalid);

const queryParameters = <Schema extends ZodType>(schema: Schema) =>
  validator<Schema, "query", AppEnvironment, string>("query", schema, refuseInvalid);

const limitBody = bodyLimit({
  maxSize: MAX_JSON_BYTES,
  onError: () => {
    throw new ProtocolError(
      "payload-too-large",
      `a JSON body may have ${MAX_JSON_BYTES} bytes, this one has more`,
    );
  },
});

/** Refuses bodies that are too long or do not say that they are JSON. */
export const requireJson: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  const type = context.req.header("Content-Type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new ProtocolError(
      "malformed-request",
      `the body must be JSON with 'Content-Type: application/json', not '${type}'`,
    );
  }
  return await limitBody(context, next);
};

/** A whole number in a path or query, as text. */
const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, "must be a whole number")
  .transform(Number);

export const campaignPath = pathParameters(z.object({ id: campaignIdSchema }));
export const actionPath = pathParameters(
  z.object({ id: campaignIdSchema, action: z.enum(CAMPAIGN_ACTIONS) }),
);
export const invitePath = pathParameters(
  z.object({ id: campaignIdSchema, invite: inviteIdSchema }),
);
export const participantPath = pathParameters(
  z.object({ id: campaignIdSchema, participant: participantIdSchema }),
);
export const roundPath = pathParameters(z.object({ id: campaignIdSchema, round: wholeNumber }));
export const positionPath = pathParameters(
  z.object({ id: campaignIdSchema, position: wholeNumber }),
);
export const digestPath = pathParameters(z.object({ digest: digestSchema }));
export const partPath = pathParameters(z.object({ digest: digestSchema, index: wholeNumber }));
export const attemptPath = pathParameters(z.object({ round: wholeNumber, attempt: wholeNumber }));
export const slicePath = pathParameters(
  z.object({ round: wholeNumber, attempt: wholeNumber, index: wholeNumber }),
);
export const roundQuery = queryParameters(z.object({ round: wholeNumber.optional() }));
export const exportQuery = queryParameters(
  z.object({ round: wholeNumber.optional(), float32: z.enum(["true", "false"]).optional() }),
);

/** `:id` of an administrator. */
export const administratorPath = pathParameters(z.object({ id: administratorIdSchema }));

/** Which page of the audit log. */
export const auditQuery = queryParameters(
  z.object({
    before: z.coerce.number().int().positive().default(Number.MAX_SAFE_INTEGER),
    limit: z.coerce.number().int().min(1).max(AUDIT_PAGE).default(AUDIT_PAGE),
  }),
);
