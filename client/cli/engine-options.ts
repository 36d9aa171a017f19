import { Option } from "commander";
import { BACKEND_CHOICES, type BackendChoice } from "../engine/backends.ts";
import type { Engine } from "../engine/engine.ts";
import { nodeEnvironment } from "../engine/node-environment.ts";
import { openEngine, type BackendTrial } from "../engine/open-engine.ts";
import { positive } from "./option-values.ts";

/** What `--backend` and `--threads` say. */
export interface EngineOptions {
  readonly backend: BackendChoice;
  readonly threads?: number;
}

// Node has no WebGL.
const NODE_BACKENDS = BACKEND_CHOICES.filter((name) => name !== "tfjs-webgl");

export function backendOption(): Option {
  return new Option("--backend <name>", "what computes; auto takes the fastest")
    .choices(NODE_BACKENDS)
    .default("auto");
}

export function threadsOption(): Option {
  return new Option(
    "--threads <count>",
    "processor threads of the wasm backend (default all)",
  ).argParser(positive);
}

/** Opens the engine that the options ask for, and says what `auto` compared. */
export function openChosenEngine(
  { backend, threads }: EngineOptions,
  note: (line: string) => void,
): Promise<Engine> {
  const onTrial = (trial: BackendTrial): void => {
    if ("refusal" in trial || trial.imagesPerSecond === undefined) return;
    note(`${trial.adapter}: ${trial.imagesPerSecond.toFixed(0)} images/s of a small model`);
  };
  return openEngine({ backend, threads, environment: nodeEnvironment(), onTrial });
}
