import { app } from "./app.ts";
import { allSummaries } from "./directory/all-campaigns.ts";
import type { Environment } from "./environment.ts";

export { Campaign } from "./campaign/campaign.ts";
export { Directory } from "./directory/directory.ts";
// The name that deployments know it by: a migration that renames cannot be rolled back, and there is
// nothing stored that it would have to find again.
export { SliceWorker as SliceCombiner } from "./slice/slice-worker.ts";

let isAwake = false;

/**
 * Entry of the Worker. The first request after a start wakes all campaigns, so that one whose alarm
 * a crash has lost goes on although nobody asks for it.
 */
export default {
  fetch(request, environment, context) {
    if (!isAwake) {
      isAwake = true;
      context.waitUntil(
        allSummaries(environment).catch((error: unknown) => {
          isAwake = false;
          console.error(error);
        }),
      );
    }
    return app.fetch(request, environment, context);
  },
} satisfies ExportedHandler<Environment>;
