import { fileURLToPath } from "node:url";

/** The checkout's root: launcher, Worker and pages are found from here, never from where one stands. */
export const PROJECT_ROOT = fileURLToPath(new URL("../../../", import.meta.url));
