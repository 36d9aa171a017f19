import type { RecordBook } from "./record-book.ts";

/** Bindings and secret of the helper's Worker, as `wrangler.helper.toml` names them. */
export interface HelperEnvironment {
  readonly RECORDS: DurableObjectNamespace<RecordBook>;
  /** Its X25519 key's private half: 32 bytes in hexadecimal. */
  readonly SCOUR_HELPER_KEY?: string;
}
