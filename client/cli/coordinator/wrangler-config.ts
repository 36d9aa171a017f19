import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "smol-toml";
import { z } from "zod";
import { PROJECT_ROOT } from "./project-root.ts";

const wranglerSchema = z.strictObject({
  name: z.string(),
  main: z.string(),
  compatibility_date: z.string(),
  // Of what Wrangler itself sends.
  send_metrics: z.boolean(),
  dependencies_instrumentation: z.strictObject({ enabled: z.boolean() }),
  assets: z
    .strictObject({
      directory: z.string(),
      binding: z.string(),
      not_found_handling: z.literal("single-page-application"),
      run_worker_first: z.literal(true),
    })
    .optional(),
  r2_buckets: z.array(z.strictObject({ binding: z.string(), bucket_name: z.string() })).default([]),
  durable_objects: z.strictObject({
    bindings: z.array(z.strictObject({ name: z.string(), class_name: z.string() })),
  }),
  migrations: z.array(z.strictObject({ tag: z.string(), new_sqlite_classes: z.array(z.string()) })),
});

/**
 * What a Wrangler file says of its Worker, as Miniflare takes it. Wrangler reads the same
 * (`unstable_getMiniflareWorkerOptions`), but takes as long to load as all the rest of a start; what it
 * would read and we do not is an error here.
 *
 * @param file in the project's root
 * @param pages folder that takes the place of the deployed one, where it has pages.
 * @returns absolute path of the Worker's entry, and its options.
 * @throws ZodError for a key that is not read here.
 */
export function readWranglerConfig(file: string, pages: string) {
  const text = readFileSync(resolve(PROJECT_ROOT, file), "utf8");
  const config = wranglerSchema.parse(parse(text));
  const { compatibility_date: compatibilityDate } = config;
  const stored = new Set(config.migrations.flatMap((migration) => migration.new_sqlite_classes));
  return {
    main: resolve(PROJECT_ROOT, config.main),
    workerOptions: {
      compatibilityDate,
      r2Buckets: Object.fromEntries(
        config.r2_buckets.map(({ binding, bucket_name: id }) => [binding, { id }]),
      ),
      durableObjects: Object.fromEntries(
        config.durable_objects.bindings.map(({ name, class_name: className }) => [
          name,
          { className, useSQLite: stored.has(className) },
        ]),
      ),
      ...(config.assets !== undefined && assetsOptions(config.assets, pages, compatibilityDate)),
    },
  };
}

type Assets = NonNullable<z.output<typeof wranglerSchema>["assets"]>;

function assetsOptions(assets: Assets, pages: string, compatibilityDate: string) {
  return {
    assets: {
      directory: pages,
      binding: assets.binding,
      run_worker_first: assets.run_worker_first,
      routerConfig: {
        has_user_worker: true,
        invoke_user_worker_ahead_of_assets: assets.run_worker_first,
      },
      assetConfig: {
        not_found_handling: assets.not_found_handling,
        compatibility_date: compatibilityDate,
        compatibility_flags: [],
      },
    },
  };
}
