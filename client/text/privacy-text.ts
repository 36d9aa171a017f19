import { fingerprint } from "../../protocol/privacy/identities/organisation.ts";
import type { Privacy } from "../../protocol/round/privacy.ts";

/**
 * Who can learn what from whom in a private campaign, a sentence each, as participants are told before they
 * send anything. What it says follows from the campaign's settings alone.
 *
 * @param coordinator its address
 */
export function privacyLines(
  { helper, minimum, organisations }: Privacy,
  coordinator: string,
): readonly string[] {
  return [
    `Your update leaves this device hidden: the coordinator (${coordinator}) learns the sum over all participants of a round, at least ${minimum}, and of no single one.`,
    `What hides it is shared with the helper at ${helper.url} alone, whose key has the fingerprint ${fingerprint(helper.key)}: compare it with those who run it.`,
    "These two together can read you: take part only if you believe that they do not work together.",
    `So can all other participants of a round together with the coordinator. That they are real, these organisations vouch for: ${organisations.map(fingerprint).join("; ")}.`,
    "An organisation, or a single participant that holds its key, can vouch for devices that nobody is behind: if the coordinator has such a key, you can hide among nobody.",
    "Not hidden are how your held-out images score any model that the coordinator hands out, as often as it asks (loss, agreement, how many are misled, and to which class most easily), whether your images fit it, how fast your device is, and that you took part.",
    "Whoever has kept what you sent, and gets the helper's key later, can read you then. This way of hiding is young: do not rest on it alone.",
  ];
}
