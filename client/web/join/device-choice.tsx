import { BACKEND_CHOICES, type BackendChoice, type Contribution } from "./contribution.ts";

const CHOICES: Record<BackendChoice, string> = {
  auto: "Automatic: graphics card, else WebAssembly",
  webgpu: "WebGPU, software adapters included",
  wasm: "WebAssembly (processor)",
  cpu: "Plain JavaScript: very slow, for tests",
};

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
      return <output class="quiet">Looking for a graphics adapter…</output>;
    case "refused":
      return (
        <p class="problem" role="alert" data-testid="device-refused">
          {device.message}
        </p>
      );
    case "ready": {
      const { adapter, backend, whyNotGpu } = device.report;
      return (
        <>
          <p class="found" data-testid="device" data-backend={backend}>
            {adapter}
          </p>
          {whyNotGpu === null ? null : (
            <p class="quiet">No graphics card is used: {whyNotGpu}. It works, more slowly.</p>
          )}
        </>
      );
    }
  }
}
