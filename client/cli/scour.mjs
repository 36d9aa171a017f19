#!/usr/bin/env node
// Plain JavaScript, so that even a Node that cannot run the rest can say what it lacks.
const NEEDED = [22, 18];

const [major, minor] = process.versions.node.split(".").map(Number);
if (major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])) {
  const { main } = await import("./main.ts");
  await main();
} else {
  console.error(
    `Scour needs Node ${NEEDED.join(".")} or newer, because it runs TypeScript directly and its local coordinator (workerd) asks for it; this is Node ${process.versions.node}.\n` +
      "`npm ci` installs a fitting one for Linux, which `npm run scour` uses; elsewhere install it from https://nodejs.org.",
  );
  process.exitCode = 1;
}
