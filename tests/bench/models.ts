/**
 * `npm run bench:models`: model files of 100 and 500 MB through `check`, upload, student₀ and export, on a
 * coordinator of this machine. Prints the time of each, and the most memory that the command line, the
 * coordinator's Node and its workerd held meanwhile. Linux only.
 *
 * Options: --megabytes N (repeatable), --model FILE (repeatable, in their place), --json.
 */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { AdminClient } from "../../client/admin/admin-client.ts";
import { openModelUpload } from "../../client/cli/model-file.ts";
import { bytesText } from "../../client/text/numbers-text.ts";
import { freePort, runtimesOf, startCoordinatorProcess } from "./doors/coordinator-process.ts";
import { thisMachine } from "./engine/report.ts";
import { table } from "./engine/tables.ts";
import { drawModel, networkOfBytes } from "./models/draw-model.ts";
import { inThisProcess, measure, runCommand, type Taken } from "./models/measure.ts";

interface Row extends Taken {
  readonly model: string;
  readonly bytes: number;
  readonly stage: string;
}

const { values: options } = parseArgs({
  options: {
    megabytes: { type: "string", multiple: true, default: ["100", "500"] },
    model: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
  },
});

const folder = await mkdtemp(join(tmpdir(), "scour-models-"));
const rows: Row[] = [];
try {
  for (const path of options.model) await measureModel(path);
  for (const megabytes of options.model.length > 0 ? [] : options.megabytes) {
    const path = join(folder, `${megabytes}.safetensors`);
    await drawModel(path, networkOfBytes(Number(megabytes) * 1e6));
    await measureModel(path);
    await rm(path);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
const machine = `${thisMachine()}; load ${loadavg()[0]!.toFixed(1)}`;
console.log(options.json ? JSON.stringify({ machine, rows }) : `${machine}\n\n${rowsTable()}`);

/** All stages of one file, on a coordinator that does nothing else. */
async function measureModel(path: string): Promise<void> {
  const { size } = await stat(path);
  const take = async (stage: string, taking: Promise<Taken>): Promise<void> => {
    const taken = await taking;
    const row = { model: basename(path), bytes: size, stage, ...taken };
    rows.push(row);
    // One that takes long may be ended before its table.
    process.stderr.write(`${cellsOf(row).join("  ")}\n`);
  };
  await take(
    "check",
    measure(undefined, () => runCommand(["check", "--model", path])),
  );
  const state = join(folder, "state");
  const coordinator = await startCoordinatorProcess({ stateDir: state, port: await freePort() });
  try {
    const [runtime] = await runtimesOf(state);
    const watched = { coordinator: coordinator.pid, runtime: runtime!.pid };
    const { adminToken, url } = coordinator;
    const admin = new AdminClient(url, adminToken);
    let model = "";
    const upload = async (): Promise<void> => {
      const opened = await openModelUpload(path);
      model = opened.digest;
      await admin.uploadModel(opened);
    };
    await take(
      "upload",
      measure(watched, () => inThisProcess(upload)),
    );
    let campaign = "";
    const create = async (): Promise<null> => {
      const preprocessing = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
      ({ id: campaign } = await admin.createCampaign({ model, preprocessing }));
      return null;
    };
    await take("student₀", measure(watched, create));
    const tokenFile = join(state, "admin-token");
    const place = ["--coordinator", url, "--admin-token-file", tokenFile];
    const out = join(folder, "exported");
    const command = ["campaign", "export", campaign, "--accept", "--out", out, ...place];
    await take(
      "export",
      measure(watched, () => runCommand(command)),
    );
    await rm(out);
  } finally {
    await coordinator.stop();
    await rm(state, { recursive: true, force: true });
  }
}

function rowsTable(): string {
  return table(["file", "stage", "s", "command line", "Node", "workerd"], rows.map(cellsOf));
}

function cellsOf({ bytes, command, coordinator, model, runtime, seconds, stage }: Row): string[] {
  const file = `${model} (${bytesText(bytes)})`;
  return [file, stage, seconds.toFixed(1), ...[command, coordinator, runtime].map(heldText)];
}

function heldText(bytes: number | null): string {
  return bytes === null ? "" : bytesText(bytes);
}
