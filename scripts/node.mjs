// Runs a TypeScript entry of this project: `node scripts/node.mjs client/cli/main.ts …`.
//
// Node strips the types itself, by default from 22.18 on and behind a flag before; workerd's tools
// need 22.12. Through `npm run` on Linux this is the Node 24 that the project installs for itself.
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(
    `Scour needs Node 22.12 or newer; this is ${process.version}. On Linux start it through npm ` +
      "(`npm run scour -- …`), which uses the Node 24 that `npm ci` installed; elsewhere update Node.",
  );
  process.exit(1);
}

const [entry, ...rest] = process.argv.slice(2);
if (process.features.typescript) {
  process.argv = [process.argv[0], resolve(entry), ...rest];
  await import(pathToFileURL(resolve(entry)).href);
} else {
  const flags = ["--experimental-strip-types", "--disable-warning=ExperimentalWarning"];
  const child = spawn(process.execPath, [...flags, resolve(entry), ...rest], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("exit", (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
}
