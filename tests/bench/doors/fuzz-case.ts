import { sha256 } from "../../../protocol/digest.ts";
import { mutatedFrame } from "./mutations/frames.ts";
import { withMutatedFraming } from "./mutations/framing.ts";
import { withMutatedHeader, withMutatedMethod } from "./mutations/headers.ts";
import { mutatedJson } from "./mutations/json.ts";
import { mutatedModel } from "./mutations/models.ts";
import { withMutatedRange } from "./mutations/ranges.ts";
import { socketFrames } from "./mutations/socket-frames.ts";
import { withMutatedTarget } from "./mutations/target.ts";
import { withWrongToken } from "./mutations/tokens.ts";
import {
  plainRequest,
  uploadOf,
  withDigest,
  withToken,
  type Authority,
  type PlainRequest,
} from "./plain-request.ts";
import { Random } from "./random.ts";
import { headerOf, withBody, withHeader, type RawRequest } from "./raw-request.ts";
import type { ServedRoute } from "./served-routes.ts";
import type { World } from "./world.ts";

/** How often each kind of mutation comes. */
const CLASSES = {
  plain: 2,
  token: 20,
  target: 18,
  method: 6,
  header: 22,
  json: 18,
  framing: 16,
  range: 5,
  frame: 10,
  socket: 3,
  model: 2,
} as const;

export type MutationClass = keyof typeof CLASSES;

/** One step of a fuzz run: a mutated request, or an upload and what is made of it. */
export interface FuzzCase {
  readonly index: number;
  readonly kind: MutationClass;
  /** Sent one after another. */
  readonly requests: readonly RawRequest[];
  readonly authority: Authority;
  /** Whether the connection may be useless after it. */
  readonly rough: boolean;
  /** Digest under which nothing may be stored, whatever the answer. */
  readonly forbiddenBlob?: string;
}

/** The case of this number: the same for the same seed, but for what the world's ids are. */
export async function fuzzCase(
  { seed, index }: { readonly seed: string; readonly index: number },
  routes: readonly ServedRoute[],
  world: World,
): Promise<FuzzCase> {
  const random = new Random(seed, index);
  const kind = random.weighted(CLASSES);
  if (kind === "model") return { index, kind, ...modelCase(world, random) };
  const rough = ["target", "method", "header", "framing"].includes(kind);
  const known = kind !== "token" && random.chance(0.7);
  const plain = await plainFor(kind, { known, routes, world, random });
  let { request } = plain;
  if (plain.token !== undefined) {
    request = known
      ? withToken(request, plain.token)
      : await withWrongToken(request, plain.token, random);
  }
  const mutated = mutation(kind, request, random);
  return {
    index,
    kind,
    requests: [mutated],
    authority: known ? plain.authority : "nobody",
    rough: rough || headerOf(mutated, "Upgrade") !== undefined,
  };
}

/** What suits the mutation, and whose: with a right token never the victim's. */
function plainFor(
  kind: MutationClass,
  {
    known,
    routes,
    world,
    random,
  }: { known: boolean; routes: readonly ServedRoute[]; world: World; random: Random },
): Promise<PlainRequest> {
  const suits = routes.filter(({ bearers, mediaType, method, path }) => {
    if (kind === "json") return mediaType === "application/json";
    if (kind === "frame") return path.includes("/slices/");
    if (kind === "socket") return path.endsWith("/events");
    if (kind === "range") return path.includes("/blobs/") && method === "GET";
    return kind !== "token" || bearers.length > 0 || path.endsWith("/events");
  });
  const route = random.pick(suits);
  const changes = route.bearers[0] === "admin" ? world.spare : world.own;
  const campaign = known ? changes : world.victim;
  const { coordinator } = world;
  return plainRequest(route, { campaign, coordinator, random, signs: known });
}

function mutation(kind: MutationClass, request: RawRequest, random: Random): RawRequest {
  switch (kind) {
    case "plain":
    case "token":
    case "model":
      return request;
    case "target":
      return withMutatedTarget(request, random);
    case "method":
      return withMutatedMethod(request, random);
    case "header":
      return withMutatedHeader(request, random);
    case "framing":
      return withMutatedFraming(request, random);
    case "range":
      return withMutatedRange(request, random);
    case "socket":
      // Sent along with the handshake, as one might who does not wait for its answer.
      return { ...request, body: socketFrames(random) };
    case "json":
      return withBody(request, mutatedJson(request.body, random));
    case "frame": {
      const changed = withBody(request, mutatedFrame(request.body, random));
      return random.chance(0.9) ? withDigest(changed) : changed;
    }
  }
}

/** A mutated file under its digest, then a campaign of it; or one that nobody may store. */
function modelCase(world: World, random: Random): Omit<FuzzCase, "index" | "kind"> {
  const { spare } = world;
  const file = mutatedModel(spare.model.bytes, random);
  const { coordinator } = world;
  const upload = uploadOf(file, coordinator);
  if (random.chance(0.3)) {
    // Never stored before: no two random tails are alike.
    const fresh = Buffer.concat([file, random.bytes(16)]);
    return {
      requests: uploadOf(fresh, coordinator, "none"),
      authority: "nobody",
      rough: true,
      forbiddenBlob: sha256(fresh),
    };
  }
  const [first] = upload;
  const json = Buffer.from(JSON.stringify({ ...spare.config, model: sha256(file) }));
  const create = withHeader(
    withBody({ ...first!, target: "/api/v1/admin/campaigns" }, json),
    "Content-Type",
    "application/json",
  );
  return {
    requests: [...upload, create],
    authority: "admin",
    rough: true,
  };
}
