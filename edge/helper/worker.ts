import { helperApp } from "./app.ts";
import type { HelperEnvironment } from "./environment.ts";

export { RecordBook } from "./record-book.ts";

/** Entry of the helper's Worker. */
export default {
  fetch: (request, environment, context) => helperApp.fetch(request, environment, context),
} satisfies ExportedHandler<HelperEnvironment>;
