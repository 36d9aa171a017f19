import type { RawRequest } from "./raw-request.ts";

/** The request without whatever is not needed for it to fail. */
export async function smallest(
  request: RawRequest,
  fails: (smaller: RawRequest) => Promise<boolean>,
): Promise<RawRequest> {
  let least = request;
  const consider = async (smaller: RawRequest): Promise<void> => {
    if (await fails(smaller)) least = smaller;
  };
  await consider({ ...least, body: Buffer.alloc(0) });
  await consider({ ...least, target: "/" });
  for (const header of request.headers) {
    await consider({ ...least, headers: least.headers.filter((other) => other !== header) });
  }
  return least;
}
