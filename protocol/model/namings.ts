import type { Naming } from "./naming.ts";

/** The namings that are recognised. At equal numbers of tensors found, the first one counts. */
export const NAMINGS: readonly Naming[] = [{ origin: "the BCU release", rewrites: [] }];
