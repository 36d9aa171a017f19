import { BACKEND_CHOICES, BACKENDS } from "../../engine/backends.ts";
import type { BackendTrial } from "../../engine/opening/open-engine.ts";
import type { Contribution } from "./contribution.ts";

const CHOICES = { auto: "Automatic: what is fastest here", ...BACKENDS };

/** Which device was found, and the choice of another. */
export function DeviceChoice({ contribution }: { readonly contribution: Contribution }) {
  return (
    <section class="card">
      <h2>Your device</h2>
      <Found contribution={contribution} />
      <details>
        <summary>Advanced</summary>
        <label class="field" for="backend">
          Compute with
          <select
            id="backend"
            data-testid="backend"
            value={contribution.backend}
            onChange={(event) => {
              const chosen = BACKEND_CHOICES.find((name) => name === event.currentTarget.value);
              if (chosen !== undefined) contribution.backend.value = chosen;
            }}
          >
            {BACKEND_CHOICES.map((name) => (
              <option key={name} value={name}>
                {CHOICES[name]}
              </option>
            ))}
          </select>
        </label>
      </details>
    </section>
  );
}

function Found({ contribution }: { readonly contribution: Contribution }) {
  const device = contribution.device.value;
  switch (device.kind) {
    case "opening":
      return <output class="quiet">Looking for what computes fastest here…</output>;
    case "refused":
      return (
        <p class="problem" role="alert" data-testid="device-refused">
          {device.message}
        </p>
      );
    case "ready": {
      const { adapter, backend, trials } = device.report;
      return (
        <>
          <p class="found" data-testid="device" data-backend={backend}>
            {adapter}
          </p>
          {trials.map((trial) => (
            <Trial key={trial.backend} trial={trial} />
          ))}
        </>
      );
    }
  }
}

function Trial({ trial }: { readonly trial: BackendTrial }) {
  if ("refusal" in trial) {
    return (
      <p class="quiet">
        Not the {BACKENDS[trial.backend]}: {trial.refusal}.
      </p>
    );
  }
  if (trial.imagesPerSecond === undefined) return null;
  return (
    <p class="quiet">
      {trial.adapter}: {trial.imagesPerSecond.toFixed(0)} images a second in a short comparison
    </p>
  );
}
