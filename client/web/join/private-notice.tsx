import type { Privacy } from "../../../protocol/round/privacy.ts";
import { privacyLines } from "../../text/privacy-text.ts";
import type { Offer } from "./offer.ts";

/**
 * Private campaigns take participants whom their organisation vouches for, with a key that a page has not:
 * it says what the campaign is, and how to take part.
 */
export function PrivateNotice({
  offer,
  privacy,
}: {
  readonly offer: Offer;
  readonly privacy: Privacy;
}) {
  return (
    <section class="card" data-testid="private-notice">
      <h2>{offer.name} is private</h2>
      <ul>
        {privacyLines(privacy, location.origin).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      <p class="caution">
        A page that the coordinator serves could tell it what it hides, and no organisation vouches
        for it: take part from the command line, with your organisation's key.
      </p>
      <pre>
        npm run scour -- join '{location.href}' --images my-pictures/ --organisation-key
        our-key.json
      </pre>
    </section>
  );
}
