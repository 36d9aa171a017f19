import { describeRoute, resolver } from "hono-openapi";
import { z, type ZodType } from "zod";
import { PROBLEMS, type ProblemCode } from "../../protocol/errors.ts";

/** RFC 9457 problem details, as every refusal comes. */
const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
});

/** What a route answers: a schema for JSON, or a media type. */
type Answer = ZodType | `${string}/${string}`;

interface RouteText {
  readonly tag: "admin" | "participant" | "blobs" | "system";
  readonly summary: string;
  /** Kind of bearer token it takes, if any. */
  readonly bearer?: "admin" | "invite" | "participant" | "reader";
  readonly answers: Readonly<Record<number, Answer>>;
  readonly problems?: readonly ProblemCode[];
  /** Media type of the request's body, where it is not JSON. */
  readonly body?: string;
}

const BINARY = { type: "string", format: "binary" } as const;

function answerOf(answer: Answer) {
  return typeof answer === "string"
    ? { description: answer, content: { [answer]: { schema: BINARY } } }
    : {
        description: "The result",
        content: { "application/json": { schema: resolver(answer) } },
      };
}

/** Problems of one status share one entry of the document. */
function problemAnswers(codes: readonly ProblemCode[]) {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, list]) => [
      status,
      {
        description: list.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join("; "),
        content: { "application/problem+json": { schema: resolver(problemSchema) } },
      },
    ]),
  );
}

const TOKEN_PROBLEMS = {
  admin: ["unauthenticated", "forbidden"],
  invite: [
    "unauthenticated",
    "forbidden",
    "invite-expired",
    "invite-revoked",
    "invite-exhausted",
    "quota-exceeded",
  ],
  participant: [
    "unauthenticated",
    "credential-expired",
    "forbidden",
    "participant-revoked",
    "campaign-ended",
    "quota-exceeded",
  ],
  reader: [
    "unauthenticated",
    "credential-expired",
    "forbidden",
    "participant-revoked",
    "campaign-ended",
    "quota-exceeded",
  ],
} as const satisfies Record<NonNullable<RouteText["bearer"]>, readonly ProblemCode[]>;

/** Describes a route for the OpenAPI document. */
export function describe({ tag, summary, bearer, answers, problems = [], body }: RouteText) {
  const codes = [...problems, ...(bearer === undefined ? [] : TOKEN_PROBLEMS[bearer])];
  return describeRoute({
    tags: [tag],
    summary,
    security: bearer === undefined ? [] : [{ [bearer]: [] }],
    ...(body !== undefined && {
      requestBody: { required: true, content: { [body]: { schema: BINARY } } },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [status, answerOf(answer)]),
      ),
      ...problemAnswers([...new Set(codes)]),
    },
  });
}
