import type { Role } from "../protocol/round/administration.ts";
import type { Campaign } from "./campaign/campaign.ts";
import type { Directory } from "./directory/directory.ts";
import type { SliceBindings } from "./slice/slice-bindings.ts";

/** Bindings and secrets of the Worker, as `wrangler.toml` names them. */
export interface Environment extends SliceBindings {
  readonly CAMPAIGN: DurableObjectNamespace<Campaign>;
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly ASSETS: Fetcher;
  readonly SCOUR_ADMIN_TOKEN?: string;
  readonly SCOUR_SIGNING_KEY?: string;
  /** Origin that invite links begin with; without one, that of the request for the invite. */
  readonly SCOUR_PUBLIC_URL?: string;
  /** Secrets that were replaced, with the end of their time (see protocol/secrets.ts). */
  readonly SCOUR_ADMIN_TOKEN_PREVIOUS?: string;
  readonly SCOUR_SIGNING_KEY_PREVIOUS?: string;
}

/** Who sent the request, once its token was checked. */
export interface ParticipantIdentity {
  readonly campaign: string;
  readonly participant: string;
}

interface InviteIdentity {
  readonly campaign: string;
  readonly invite: string;
}

/** Who holds a token that opens the admin API. */
export interface AdministratorIdentity {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** What Hono's handlers see. */
export interface AppEnvironment {
  Bindings: Environment;
  Variables: {
    participant: ParticipantIdentity;
    invite: InviteIdentity;
    /** Not there until an administrator's token was seen. */
    administrator: AdministratorIdentity | undefined;
  };
}
