/** A route as the coordinator's own OpenAPI document lists it. */
export interface ServedRoute {
  readonly method: string;
  /** With its parameters in braces: `/api/v1/blobs/{digest}`. */
  readonly path: string;
  /** Kinds of bearer token it takes; none where it takes none, or not in a header. */
  readonly bearers: readonly string[];
  /** Media type of its body, if it takes one. */
  readonly mediaType: string | undefined;
}

interface Operation {
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
}

/** All routes that a coordinator says it has. */
export async function servedRoutes(origin: string): Promise<ServedRoute[]> {
  const response = await fetch(`${origin}/api/v1/openapi.json`);
  const { paths } = (await response.json()) as {
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { requestBody, security = [] }]) => ({
      method: method.toUpperCase(),
      path,
      bearers: security.flatMap((one) => Object.keys(one)),
      mediaType: requestBody && Object.keys(requestBody.content)[0],
    })),
  );
}
