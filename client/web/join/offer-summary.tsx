import { counted, bytesText } from "../../text/numbers-text.ts";
import type { Offer } from "./offer.ts";

const STATES = {
  ready: "has not started yet; you can join and wait",
  running: "is running",
  paused: "is paused; you can join and wait",
  finished: "is finished and takes no more work",
  failed: "ended without a result and takes no more work",
  aborted: "was ended and takes no more work",
} satisfies Record<Offer["state"], string>;

/** Which campaign this is and what taking part means. */
export function OfferSummary({
  offer,
  begun,
}: {
  readonly offer: Offer;
  /** What the invite said of the campaign is old news by now. */
  readonly begun: boolean;
}) {
  const { batchSize, downloadBytes, localSteps, name, organisation, rounds, state } = offer;
  return (
    <section class="hero">
      <p class="eyebrow">
        You are invited{organisation === null ? "" : ` as part of ${organisation}`}
      </p>
      <h1>{name}</h1>
      <p class="lead">
        This tab will help remove a possible backdoor from an image classifier: it fetches the model
        ({bytesText(downloadBytes)}), then takes {counted(localSteps, "training step")} of{" "}
        {batchSize} images a round, for as many of the {counted(rounds, "round")} as you like.
      </p>
      {begun ? null : (
        <p class="quiet">
          The campaign {STATES[state]}.
          {offer.returning
            ? " This tab is enrolled already; after a reload, images have to be chosen again."
            : null}
        </p>
      )}
    </section>
  );
}
