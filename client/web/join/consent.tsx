import { bytesText, countText } from "../../text/numbers-text.ts";
import type { Contribution } from "./contribution.ts";
import type { Offer } from "./offer.ts";

/** Says precisely what leaves the tab, and asks. */
export function Consent({
  contribution,
  offer,
}: {
  readonly contribution: Contribution;
  readonly offer: Offer;
}) {
  return (
    <section class="card">
      <h2>What is sent</h2>
      <div class="columns ledger">
        <div>
          <h3>Leaves this tab, every round</h3>
          <ul class="out">
            <li>
              the changes your steps made to the model's weights: an update of{" "}
              <strong>{bytesText(offer.updateBytes)}</strong>
            </li>
            <li>how many images were used, the mean loss, and how often both models agreed</li>
            <li>
              how a test on a few of your images came out, held back from training: how many there
              were, how far both models agreed on them, also when disturbed, how many went to which
              class instead; and to which class a disturbance leads these and a few others of yours
              most easily, and what share of them
            </li>
            {offer.fitImages === 0 ? null : (
              <li data-testid="consent-fit">
                once, before anything else: how sure the model is of up to{" "}
                {countText(offer.fitImages)} of your images, on average, and in one number how far
                they are from what it was trained on
              </li>
            )}
            {offer.statisticsImages === 0 ? null : (
              <li data-testid="consent-statistics">
                once, at the beginning: means and variances of what the model computes inside, taken
                over up to {countText(offer.statisticsImages)} of your images together
              </li>
            )}
            {offer.trial ? (
              <li data-testid="consent-trial">
                what you make of a round before it counts, signed and kept with the round: how both
                models do on the images held back, and how many of them go where small things that
                mislead the model lead; not these things themselves
              </li>
            ) : null}
            <li>how fast it went, step by step, and the name of your graphics adapter</li>
          </ul>
        </div>
        <div>
          <h3>Never leaves it</h3>
          <ul class="in">
            <li>
              your images, whole or in part; of many, this browser keeps small copies on your disk
              until you leave, or after a crash until its data of this site are deleted
            </li>
            <li data-testid="consent-screen">
              whether some of your images bear one small thing that leads the model: this device
              looks for that first, and leaves such images aside
            </li>
            <li>names of files and folders</li>
            <li>labels: none are needed, none are read</li>
          </ul>
        </div>
      </div>
      <p class="caution">
        An update is computed from your images and may still reveal something about them to those
        who run the coordinator, and who see it in this campaign. Leave out pictures that nobody
        must be able to guess at.
      </p>
      <label class="check">
        <input
          type="checkbox"
          data-testid="consent"
          checked={contribution.consent}
          onChange={(event) => {
            contribution.consent.value = event.currentTarget.checked;
          }}
        />
        <span>I understand what is sent, and I may use these images for this.</span>
      </label>
    </section>
  );
}
