import { app } from "./app.ts";
import { allSummaries } from "./directory/all-campaigns.ts";
import type { Environment } from "./environment.ts";

export { Campaign } from "./campaign/campaign.ts";
export { Directory } from "./directory/directory.ts";
export { SliceCombiner } from "./slice/slice-combiner.ts";

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
