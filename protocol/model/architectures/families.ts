import type { Family } from "./family.ts";
import { resnet18Family } from "./resnet18.ts";

/** The architectures that are recognised. At equal numbers of tensors found, the first one counts. */
export const FAMILIES: readonly Family[] = [resnet18Family];
