import { ProtocolError } from "../../errors.ts";

/** What a network cannot be; the message names the layer or node. */
export function unsupported(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}
