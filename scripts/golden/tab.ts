import { browserEnvironment } from "../../client/engine/opening/browser-environment.ts";
import type { BackendName } from "../../client/engine/engine.ts";
import { openEngine } from "../../client/engine/opening/open-engine.ts";
import { readGoldenCase, type GoldenRun } from "./golden-case.ts";
import { reproduce, type Errors } from "./reproduce.ts";

/** What the script that drives the tab offers it, and calls in it. */
declare global {
  interface Window {
    /** A file of the golden folder, base64. */
    goldenFile(path: string): Promise<string>;
    goldenLog(message: string): Promise<void>;
    reproduceGolden(backend: BackendName, run: Partial<GoldenRun>): Promise<Errors>;
  }
}

async function read(path: string): Promise<Uint8Array> {
  const response = await fetch(
    `data:application/octet-stream;base64,${await window.goldenFile(path)}`,
  );
  return new Uint8Array(await response.arrayBuffer());
}

function log(message: string): void {
  void window.goldenLog(message);
}

window.reproduceGolden = async (backend, run) => {
  const golden = await readGoldenCase(read, run);
  const engine = await openEngine({ backend, environment: browserEnvironment() });
  log(engine.adapter);
  try {
    return await reproduce(engine, golden, log);
  } finally {
    await engine.close();
  }
};
