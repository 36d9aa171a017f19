import { parentPort, workerData } from "node:worker_threads";
import type { PeakProblem, PeakReport } from "./threads-rate.ts";

const port = parentPort!;
const { module, pages } = workerData as PeakProblem;
const memory = new WebAssembly.Memory({ initial: pages });
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
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
