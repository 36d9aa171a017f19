import { InvalidArgumentError, Option } from "commander";
import { BACKEND_CHOICES, type BackendChoice } from "../../engine/backends.ts";
import type { BackendName, Engine } from "../../engine/engine.ts";
import { nodeEnvironment } from "../../engine/opening/node-environment.ts";
import { openEngine, type BackendTrial } from "../../engine/opening/open-engine.ts";
import {
  PRECISION_CHOICES,
  type PrecisionChoice,
  type PrecisionTrial,
} from "../../engine/opening/precision.ts";
import { positive } from "./option-values.ts";

/** What `--backend`, `--threads` and `--precision` say. */
export interface EngineOptions {
  readonly backend: BackendChoice;
  readonly threads?: number;
  readonly precision?: PrecisionChoice;
}

/** What there was once, and what to name instead. */
const REPLACED: Readonly<Record<string, BackendName>> = {
  "tfjs-webgpu": "webgpu",
  "tfjs-webgl": "webgpu",
  "tfjs-wasm": "wasm",
  cpu: "wasm",
};

export function backendOption(): Option {
  const option = new Option("--backend <name>", "what computes; auto takes the fastest").choices(
    BACKEND_CHOICES,
  );
  const { parseArg } = option;
  return option.default("auto").argParser((name, previous) => {
    const instead = REPLACED[name];
    if (instead === undefined) return parseArg?.(name, previous);
    throw new InvalidArgumentError(
      `TensorFlow.js trains nothing any more; use --backend ${instead}, or auto.`,
    );
  });
}

export function threadsOption(): Option {
  return new Option(
    "--threads <count>",
    "processor threads of the wasm backend (default all)",
  ).argParser(positive);
}

export function precisionOption(): Option {
  return new Option(
    "--precision <name>",
    "how the webgpu backend stores activations; auto compares both on a real graphics card",
  )
    .choices(PRECISION_CHOICES)
    .default("f32");
}

/** Opens the engine that the options ask for, and says what `auto` compared. */
export function openChosenEngine(
  { backend, threads, precision }: EngineOptions,
  note: (line: string) => void,
): Promise<Engine> {
  const onTrial = (trial: BackendTrial): void => {
    if ("refusal" in trial || trial.imagesPerSecond === undefined) return;
    note(`${trial.adapter}: ${trial.imagesPerSecond.toFixed(0)} images/s of a small model`);
  };
  const onPrecision = (trial: PrecisionTrial): void => note(describePrecisionTrial(trial));
  const environment = nodeEnvironment();
  return openEngine({ backend, threads, precision, environment, onTrial, onPrecision });
}

/** For people. */
function describePrecisionTrial(trial: PrecisionTrial): string {
  if ("refusal" in trial) return `half precision was refused: ${trial.refusal}`;
  const { chosen, gradientError, speedup } = trial;
  return (
    `half precision: ${speedup.toFixed(2)} times as fast, gradient within ` +
    `${(100 * gradientError).toFixed(1)} % of float32's; ${chosen === "f16" ? "taken" : "not taken"}`
  );
}
