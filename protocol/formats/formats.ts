import type { Format } from "./model-file.ts";
import { safetensors } from "./safetensors/safetensors.ts";

/** The formats that are read; the first one that a file seems to be of is taken. */
export const FORMATS: readonly Format[] = [safetensors];
