import type { Context, MiddlewareHandler } from "hono";
import { ProtocolError } from "../../protocol/errors.ts";
import type { AuditEntry } from "../../protocol/round/administration.ts";
import { directoryOf } from "../directory/all-campaigns.ts";
import type { AppEnvironment } from "../environment.ts";

/** What only reads. */
const READS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Refused tokens are written together: whoever tries thousands must not cost a write each. */
const GATHERED_MS = 10_000;

const refused = new Map<number, number>();
let writtenAt = 0;

/**
 * Writes down what administrators do, once it was answered, and how many tokens were refused (SPEC A11). Who
 * reads is not written down, but for whoever takes a model away.
 */
export const audited: MiddlewareHandler<AppEnvironment> = async (context, next) => {
  await next();
  const who = context.get("administrator");
  const { path, method } = context.req;
  if (who === undefined) return gatherRefusal(context);
  if (READS.has(method) && !path.endsWith("/export")) return;
  // What was done stays done where its caller is gone, or the log cannot be written.
  const written = writeDown(context, {
    at: Date.now(),
    who: { id: who.id, name: who.name },
    what: `${method} ${path.replace(/^\/api\/v1/, "")}`,
    status: context.res.status,
  });
  context.executionCtx.waitUntil(written);
  await written;
};

async function writeDown(
  { env }: Context<AppEnvironment>,
  entry: Omit<AuditEntry, "position" | "count">,
): Promise<void> {
  try {
    await directoryOf(env).audit(entry);
  } catch (error) {
    console.error(error);
  }
}

function gatherRefusal(context: Context<AppEnvironment>): void {
  // A secret that is not set, or an error of ours, is nobody's attempt.
  if (!(context.error instanceof ProtocolError) || context.res.status >= 500) return;
  const { status } = context.res;
  const now = Date.now();
  refused.set(status, (refused.get(status) ?? 0) + 1);
  if (now - writtenAt < GATHERED_MS) return;
  writtenAt = now;
  const directory = directoryOf(context.env);
  for (const [code, count] of refused) {
    context.executionCtx.waitUntil(directory.auditRefusals(code, count, now));
  }
  refused.clear();
}
