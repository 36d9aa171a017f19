import { parentPort, workerData } from "node:worker_threads";
import type { PeakReport } from "./wasm-peak.ts";

const port = parentPort!;
const memory = new WebAssembly.Memory({ initial: 1 });
const { exports } = new WebAssembly.Instance(workerData as WebAssembly.Module, { env: { memory } });
const run = exports["run"] as () => void;

port.on("message", (wanted: number) => {
  const begin = performance.now();
  let calls = 0;
  let seconds = 0;
  do {
    run();
    calls++;
    seconds = (performance.now() - begin) / 1000;
  } while (seconds < wanted);
  port.postMessage({ calls, seconds } satisfies PeakReport);
});
