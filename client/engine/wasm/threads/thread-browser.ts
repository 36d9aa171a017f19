import { threadWork, type ThreadOrder } from "./thread.ts";

/** A thread of the engine in a tab: a worker beside the training worker. */
const work = threadWork((report) => postMessage(report));
addEventListener("message", ({ data }: MessageEvent<ThreadOrder>) => work(data));
