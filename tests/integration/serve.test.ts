import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isRunning } from "../../client/cli/coordinator/running-process.ts";
import {
  answers,
  freePort,
  ownerOf,
  runScour,
  runtimesOf,
  scourJson,
  SCOUR,
  startProcess,
  startServe,
  temporaryDirectory,
  until,
} from "./processes.ts";

const TEACHER = fileURLToPath(new URL("../../client/demo/teacher.safetensors", import.meta.url));

async function createCampaign(access: Parameters<typeof scourJson>[1]): Promise<string> {
  const { id } = await scourJson<{ id: string }>(
    `campaign create --model ${TEACHER} --rounds 2 --mean .5,.5,.5 --std .25,.25,.25`.split(" "),
    access,
  );
  return id;
}

describe("scour serve", () => {
  it("makes its secrets at the first start, readable by the owner only; stops at SIGTERM, frees the port, and finds its campaigns again at the next start", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    const port = await freePort();
    const first = await startServe({ stateDir, port });
    expect((await stat(stateDir)).mode & 0o777).toBe(0o700);
    for (const secret of ["admin-token", "signing-key"]) {
      expect((await stat(join(stateDir, secret))).mode & 0o777).toBe(0o600);
    }
    expect(first.adminToken.length).toBeGreaterThanOrEqual(32);
    const signingKey = (await readFile(join(stateDir, "signing-key"), "utf8")).trim();
    expect(signingKey).not.toBe(first.adminToken);
    expect(first.stderr() + first.stdout()).not.toContain(first.adminToken);
    expect(await answers(first.url)).toBe(true);

    const denied = await fetch(`${first.url}/api/v1/admin/campaigns`, {
      headers: { authorization: `Bearer ${signingKey}` },
    });
    expect(denied.status).toBe(401);

    const id = await createCampaign(first.access);
    const [runtime] = await runtimesOf(stateDir);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(isRunning(runtime!)).toBe(false);

    const second = await startServe({ stateDir, port });
    expect(second.adminToken).toBe(first.adminToken);
    expect(await scourJson(["campaign", "list"], second.access)).toMatchObject([
      { id, state: "ready", round: 0, rounds: 3 },
    ]);
  });

  it("starts the Workers runtime again on the same port when only that is killed, and leaves none behind when it is killed outright", async () => {
    const stateDir = await temporaryDirectory();
    const port = await freePort();
    const first = await startServe({ stateDir, port });
    const id = await createCampaign(first.access);
    const [runtime] = await runtimesOf(stateDir);
    process.kill(runtime!.pid, "SIGKILL");
    // By Miniflare, or, where that takes it long, by us.
    await first.says(/started again|is up again/);
    const runtimes = await runtimesOf(stateDir);
    expect(runtimes).toHaveLength(1);
    expect(runtimes).not.toContainEqual(runtime);
    expect(await scourJson(["campaign", "show", id], first.access)).toMatchObject({ id });

    first.child.kill("SIGKILL");
    await first.ended;
    await until("the runtime is gone", () => !runtimes.some(isRunning));

    const second = await startServe({ stateDir, port });
    expect(await scourJson(["campaign", "show", id], second.access)).toMatchObject({ id });
  });

  it("ends when the npm that started it is killed outright, can be started again, and then keeps a second coordinator off its state and says who has it", async () => {
    const folder = await temporaryDirectory();
    const stateDir = join(folder, "state");
    const port = await freePort();
    await writeFile(
      join(folder, "package.json"),
      JSON.stringify({
        private: true,
        scripts: {
          serve: `"${process.execPath}" "${SCOUR}" serve --no-pages --port ${port} --state "${stateDir}"`,
        },
      }),
    );
    const npm = startProcess("npm", ["run", "serve"], {
      cwd: folder,
      env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` },
    });
    await npm.says(/coordinator is up/);
    const processes = [await ownerOf(stateDir), ...(await runtimesOf(stateDir))];
    expect(processes).toHaveLength(2);
    npm.child.kill("SIGKILL");
    await until("coordinator and runtime are gone", () => !processes.some(isRunning));
    const again = await startServe({ stateDir, port });
    expect(await answers(again.url)).toBe(true);

    const { code, stderr, stdout } = await runScour([
      ..."serve --no-pages --port 0 --state".split(" "),
      stateDir,
    ]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(`another coordinator (process ${again.child.pid})`);
    expect(stderr).toContain("--state");
    expect(await answers(again.url)).toBe(true);
  });

  it("says so when something else has the port", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await runScour([
      ..."serve --no-pages --port".split(" "),
      String(port),
      "--state",
      await temporaryDirectory(),
    ]);
    other.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(stderr).toContain("--port");
  });
});
