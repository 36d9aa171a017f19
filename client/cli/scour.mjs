#!/usr/bin/env node
// Plain JavaScript, so that even a Node that cannot run the rest can say what it lacks.
// `scripts/node.mjs` starts a Node from 22.12 on with types stripped.
import module from "node:module";
import { fileURLToPath } from "node:url";

if (process.features.typescript) {
  // What one command has stripped of its types and compiled, the next finds. Where the folder cannot be
  // written each does it again.
  const cache = new URL("../../node_modules/.cache/scour/compiled", import.meta.url);
  module.enableCompileCache?.(fileURLToPath(cache));
  const { main } = await import("./main.ts");
  await main();
} else {
  console.error(
    `Start Scour through npm (\`npm run scour -- …\`): it runs TypeScript directly, which Node ${process.versions.node} does not do by itself.`,
  );
  process.exitCode = 1;
}
