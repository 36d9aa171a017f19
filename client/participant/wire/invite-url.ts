import { campaignIdSchema, inviteIdSchema } from "../../../protocol/round/identifiers.ts";
import { ParticipantError } from "../participant-error.ts";

/** An invite link, taken apart. */
export interface InviteLink {
  /** Where the coordinator is: `https://scour.example`. */
  readonly origin: string;
  readonly campaign: string;
  readonly token: string;
}

/** The invite that a token is of, as it says itself; undefined where it does not. */
export function inviteIdOf(token: string): string | undefined {
  try {
    const payload = atob(token.split(".")[1]!.replaceAll("-", "+").replaceAll("_", "/"));
    const { invite } = JSON.parse(payload) as { readonly invite?: unknown };
    return inviteIdSchema.safeParse(invite).data;
  } catch {
    return undefined;
  }
}

/**
 * Reads `<origin>/join/<campaign id>#<invite token>`.
 *
 * @throws ParticipantError `invalid-invite`, saying which part is missing.
 *
 * @example
 * const { origin, token } = parseInviteUrl("https://scour.example/join/c-abc…#eyJ…");
 */
export function parseInviteUrl(text: string): InviteLink {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : refuse("it is not a URL");
  if (url.protocol !== "http:" && url.protocol !== "https:") refuse("it must start with https://");
  const campaign = /^\/join\/([^/]+)\/?$/.exec(url.pathname)?.[1] ?? "";
  if (!campaignIdSchema.safeParse(campaign).success) refuse("the campaign's id is missing");
  const token = url.hash.slice(1);
  if (token === "") refuse("the token after '#' is missing");
  return { origin: url.origin, campaign, token };
}

function refuse(why: string): never {
  throw new ParticipantError(
    "invalid-invite",
    `this is not an invite link: ${why}. It looks like https://…/join/c-…#…; copy it whole, with all that follows the '#'`,
  );
}
