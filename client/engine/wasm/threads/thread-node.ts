import { parentPort } from "node:worker_threads";
import { threadWork, type ThreadOrder } from "./thread.ts";

/** A thread of the engine in Node. */
const port = parentPort!;
const work = threadWork((report) => port.postMessage(report));
port.on("message", (order: ThreadOrder) => work(order));
