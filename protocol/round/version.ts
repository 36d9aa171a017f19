/**
 * Version of everything on the wire. A participant sends it in `Scour-Protocol`; a coordinator that
 * speaks another one answers 426 `unsupported-version` (SPEC P1).
 */
export const PROTOCOL_VERSION = 8;

export const PROTOCOL_HEADER = "Scour-Protocol";

/** Every route of the wire lies under this path. */
export const API_PREFIX = "/api/v1";
