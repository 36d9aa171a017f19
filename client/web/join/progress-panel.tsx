import type { ParticipantStatus } from "../../participant/status.ts";
import { counted, bytesText, countText, rateText } from "../../text/numbers-text.ts";
import type { Contribution } from "./contribution.ts";
import { MisfitQuestion } from "./misfit-question.tsx";
import type { Offer } from "./offer.ts";
import { Sparkline } from "./sparkline.tsx";
import { roundOf, statusText } from "./status-text.ts";

/** The work as it goes on, and the ways to interrupt it. */
export function ProgressPanel({
  contribution,
  offer,
}: {
  readonly contribution: Contribution;
  readonly offer: Offer;
}) {
  const status = contribution.status.value;
  if (status === undefined) return null;
  if (status.kind === "asking") {
    return <MisfitQuestion contribution={contribution} misfit={status.misfit} />;
  }
  const round = roundOf(status);
  const bar = barOf(status, contribution.stepShare.value);
  return (
    <section class="card progress-card" aria-label="Your contribution">
      <div class="progress-head">
        <h2>
          {round === null || round >= offer.rounds
            ? "Getting ready"
            : `Round ${round + 1} of ${offer.rounds}`}
        </h2>
        <span class={`pill ${status.kind}`}>{PILLS[status.kind]}</span>
      </div>
      <p class="status" data-testid="status" data-kind={status.kind}>
        {statusText(status)}
      </p>
      {status.kind === "waiting" && status.detail !== null ? (
        <p class="quiet">{status.detail}</p>
      ) : null}
      <SetAside count={contribution.totals.value.setAside} />
      <progress
        aria-label={bar.label}
        max={1}
        {...(bar.share === null ? {} : { value: bar.share })}
      />
      <Figures contribution={contribution} />
      <Controls contribution={contribution} status={status} />
    </section>
  );
}

/** Of own images, as long as the participant is there: what was said of them once is soon gone. */
function SetAside({ count }: { readonly count: number }) {
  if (count === 0) return null;
  return (
    <p class="quiet" data-testid="set-aside">
      {count} of your images are left aside: they bear one small thing that leads the model to one
      answer. See where they came from.
    </p>
  );
}

const PILLS: Record<ParticipantStatus["kind"], string> = {
  joining: "Joining",
  downloading: "Fetching",
  verifying: "Checking",
  fitting: "Checking",
  asking: "Your word",
  measuring: "Measuring",
  waiting: "Waiting",
  statistics: "Measuring",
  seeking: "Preparing",
  training: "Training",
  judging: "Testing",
  screening: "Checking",
  screened: "Checking",
  trying: "Testing",
  uploading: "Sending",
  paused: "Paused",
  stopped: "Left",
  finished: "Done",
  failed: "Failed",
};

/** How far the bar is; null where nobody knows. */
function barOf(
  status: ParticipantStatus,
  stepShare: number,
): { readonly label: string; readonly share: number | null } {
  switch (status.kind) {
    case "downloading":
    case "uploading":
      return status.totalBytes === 0
        ? { label: "Working", share: null }
        : { label: "Bytes", share: status.bytes / status.totalBytes };
    case "statistics":
      return { label: "Images", share: status.images / status.totalImages };
    case "seeking":
      return { label: "Searches", share: status.searches / status.totalSearches };
    case "judging":
    case "trying":
      return { label: "Test", share: status.passes / status.totalPasses };
    case "training":
    case "paused":
      return { label: "Local steps", share: stepShare };
    case "waiting":
      return { label: "Local steps", share: 0 };
    default:
      return { label: "Working", share: null };
  }
}

function Figures({ contribution }: { readonly contribution: Contribution }) {
  const status = contribution.status.value;
  const totals = contribution.totals.value;
  const losses = contribution.losses.value;
  const loss = losses.at(-1);
  const rate = status?.kind === "training" ? status.imagesPerSecond : 0;
  const speed = rate > 0 ? rateText(rate) : "–";
  return (
    <>
      <div class="loss">
        <div>
          <span class="figure-label">Distillation loss</span>
          <span class="figure" data-testid="loss">
            {loss === undefined ? "–" : loss.toFixed(3)}
          </span>
        </div>
        <Sparkline values={losses} label={`Loss over the last ${counted(losses.length, "step")}`} />
      </div>
      <dl class="figures">
        <div>
          <dt>Accepted updates</dt>
          <dd data-testid="accepted">{countText(totals.accepted)}</dd>
        </div>
        <div>
          <dt>Images a second</dt>
          <dd data-testid="speed">{speed}</dd>
        </div>
        <div>
          <dt>Sent</dt>
          <dd data-testid="sent">{bytesText(totals.bytesSent)}</dd>
        </div>
        <div>
          <dt>Received</dt>
          <dd data-testid="received">{bytesText(totals.bytesReceived)}</dd>
        </div>
      </dl>
      {totals.rejected === 0 ? null : (
        <p class="quiet" data-testid="rejected">
          {counted(totals.rejected, "update")} came too late or was not needed:{" "}
          {totals.rejections.at(-1)?.detail}
        </p>
      )}
    </>
  );
}

function Controls({
  contribution,
  status,
}: {
  readonly contribution: Contribution;
  readonly status: ParticipantStatus;
}) {
  const paused = status.kind === "paused";
  const leaving = contribution.leaving.value;
  return (
    <div class="actions">
      <button
        type="button"
        data-testid="pause"
        onClick={() => (paused ? contribution.resume() : contribution.pause())}
      >
        {paused ? "Resume" : "Pause"}
      </button>
      <button
        type="button"
        data-testid="finish"
        disabled={leaving}
        onClick={() => contribution.finishRound()}
      >
        {leaving ? "Leaving after this round…" : "Finish this round"}
      </button>
      <button type="button" class="danger" data-testid="stop" onClick={() => contribution.stop()}>
        Stop now
      </button>
      <p class="quiet">
        You can switch to other tabs; keep this one open. Stopping now loses this round's steps.
      </p>
    </div>
  );
}
