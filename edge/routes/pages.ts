import type { Context } from "hono";
import type { AppEnvironment } from "../environment.ts";
import { notFound } from "../problems.ts";

/** The pages, from the static assets; copied, since headers are added to what is sent. */
export async function pages(context: Context<AppEnvironment>): Promise<Response> {
  const response = await context.env.ASSETS.fetch(context.req.raw);
  if (response.status === 404) return notFound(context);
  return new Response(response.body, response);
}
