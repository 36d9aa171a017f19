import { useMemo } from "preact/hooks";
import { Announcer } from "./announcer.tsx";
import { Consent } from "./consent.tsx";
import { Contribution } from "./contribution.ts";
import { DeviceChoice } from "./device-choice.tsx";
import { ImagePicker } from "./image-picker.tsx";
import type { Offer } from "./offer.ts";
import { OfferSummary } from "./offer-summary.tsx";
import { PrivateNotice } from "./private-notice.tsx";
import { ProgressPanel } from "./progress-panel.tsx";
import { Thanks } from "./thanks.tsx";
import { useLeaveWarning } from "./leave-warning.ts";

/** `/join/<campaign>#<token>`: what is asked, what is sent, and the work itself. */
export function JoinPage() {
  const contribution = useMemo(() => new Contribution(new URL(location.href)), []);
  useLeaveWarning(contribution);
  const offer = contribution.offer.value;
  if (offer.kind === "loading") {
    return (
      <section class="card" aria-busy="true">
        <h1>Opening your invite…</h1>
        <output>{offer.detail ?? "Asking the coordinator what it is about."}</output>
      </section>
    );
  }
  if (offer.kind === "refused") {
    return (
      <section class="card" data-testid="invite-refused">
        <h1>This invite cannot be used</h1>
        <p class="problem" role="alert">
          {offer.message}
        </p>
        <p>{offer.hint}</p>
      </section>
    );
  }
  return (
    <>
      <OfferSummary offer={offer.offer} begun={contribution.status.value !== undefined} />
      <Body contribution={contribution} offer={offer.offer} />
      <Announcer contribution={contribution} />
    </>
  );
}

function Body({
  contribution,
  offer,
}: {
  readonly contribution: Contribution;
  readonly offer: Offer;
}) {
  const status = contribution.status.value;
  if (contribution.running.value)
    return <ProgressPanel contribution={contribution} offer={offer} />;
  if (status?.kind === "finished") return <Thanks contribution={contribution} />;
  if (offer.privacy !== undefined) return <PrivateNotice offer={offer} privacy={offer.privacy} />;
  const missing = contribution.missing.value;
  return (
    <>
      {status === undefined ? null : <Thanks contribution={contribution} />}
      <div class="columns">
        <ImagePicker contribution={contribution} offer={offer} />
        <DeviceChoice contribution={contribution} />
      </div>
      <Consent contribution={contribution} offer={offer} />
      <div class="actions">
        <button
          type="button"
          class="primary large"
          data-testid="contribute"
          disabled={missing.length > 0}
          aria-describedby="contribute-missing"
          onClick={() => void contribution.start()}
        >
          {status === undefined ? "Contribute" : "Contribute again"}
        </button>
        <p id="contribute-missing" class="quiet">
          {missing.length > 0
            ? `Still to do: ${missing.join(", ")}.`
            : "You can pause or leave at any time."}
        </p>
      </div>
    </>
  );
}
