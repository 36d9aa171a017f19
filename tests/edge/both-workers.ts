/** Coordinator and helper as one Worker, so that tests have the objects of both. */
export * from "../../edge/worker.ts";
export { default } from "../../edge/worker.ts";
export { RecordBook } from "../../edge/helper/record-book.ts";
