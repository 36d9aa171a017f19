import type { BlobBindings } from "../blobs/blob-store.ts";
import type { SliceWorker } from "./slice-worker.ts";

/** Through which slices are worked on. */
export interface SliceBindings extends BlobBindings {
  /** An object a slice, by the name `<campaign>/<index>`. */
  readonly SLICE: DurableObjectNamespace<SliceWorker>;
}
