import { counted, bytesText, countText } from "../../text/numbers-text.ts";
import type { Contribution } from "./contribution.ts";
import { statusText } from "./status-text.ts";

/** The end: thanks and what it came to, or what went wrong and what can be done. */
export function Thanks({ contribution }: { readonly contribution: Contribution }) {
  const status = contribution.status.value;
  const totals = contribution.totals.value;
  if (status === undefined) return null;
  if (status.kind === "failed" && status.code === "images-do-not-fit") {
    return (
      <section class="card" data-testid="status" data-kind="failed">
        <h2>These pictures were not used</h2>
        <p>
          Nothing was trained with them, and nothing of them was sent but what was measured. Choose
          others below; if you get the same question again, tell the organisers.
        </p>
      </section>
    );
  }
  if (status.kind === "failed") {
    return (
      <section class="card" data-testid="status" data-kind="failed">
        <h2>It cannot go on</h2>
        <p class="problem" role="alert">
          {statusText(status)}
        </p>
        <p>{status.hint}</p>
        <Sums totals={totals} />
      </section>
    );
  }
  return (
    <section class="card thanks" data-testid="status" data-kind={status.kind}>
      <h2>{totals.accepted > 0 ? "Thank you" : "That was all"}</h2>
      <p>
        {statusText(status)}{" "}
        {totals.accepted > 0
          ? `${counted(totals.accepted, "update")} of yours went into the model, made with ${counted(totals.images, "image")} and ${counted(Math.max(1, Math.round(totals.trainingSeconds)), "second")} of computing.`
          : "No update of yours was needed this time."}
      </p>
      <Sums totals={totals} />
    </section>
  );
}

function Sums({ totals }: { readonly totals: Contribution["totals"]["value"] }) {
  return (
    <dl class="figures">
      <div>
        <dt>Accepted updates</dt>
        <dd data-testid="accepted">{countText(totals.accepted)}</dd>
      </div>
      <div>
        <dt>Not needed</dt>
        <dd>{countText(totals.rejected)}</dd>
      </div>
      <div>
        <dt>Sent</dt>
        <dd>{bytesText(totals.bytesSent)}</dd>
      </div>
      <div>
        <dt>Received</dt>
        <dd>{bytesText(totals.bytesReceived)}</dd>
      </div>
    </dl>
  );
}
