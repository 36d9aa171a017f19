import type { Family } from "./family.ts";
import { cifarResnetFamily } from "./cifar-resnet.ts";
import { resnetFamily } from "./resnet.ts";

/** The architectures that are recognised. Of forms that fit alike, the first one counts. */
export const FAMILIES: readonly Family[] = [resnetFamily, cifarResnetFamily];
