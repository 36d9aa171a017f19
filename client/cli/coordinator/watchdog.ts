import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { killProcess, type ProcessMark } from "./running-process.ts";

/**
 * A small process beside a coordinator. The end of its input means that the coordinator's process is
 * gone, however it went; then it ends what that left behind: the Workers runtime, which would hold
 * the port, and temporary folders. Each line of input is a JSON message, see `Charge`.
 */
export type Charge =
  | { readonly type: "process"; readonly mark: ProcessMark }
  | { readonly type: "folder"; readonly path: string };

// Ctrl-C and a closed terminal are for the coordinator to handle first.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});

const charges: Charge[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  charges.push(JSON.parse(line) as Charge);
}
for (const charge of charges) {
  if (charge.type === "process") killProcess(charge.mark);
}
for (const charge of charges) {
  if (charge.type === "folder") {
    rmSync(charge.path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}
