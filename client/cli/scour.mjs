#!/usr/bin/env node
// Plain JavaScript, so that even a Node that cannot run the rest can say what it lacks.
// `scripts/node.mjs` starts a Node from 22.12 on with types stripped.
if (process.features.typescript) {
  const { main } = await import("./main.ts");
  await main();
} else {
  console.error(
    `Start Scour through npm (\`npm run scour -- …\`): it runs TypeScript directly, which Node ${process.versions.node} does not do by itself.`,
  );
  process.exitCode = 1;
}
