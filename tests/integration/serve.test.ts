import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { AdminClient } from "../../client/admin/admin-client.ts";
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
  startScour,
  startServe,
  temporaryDirectory,
  tokenIn,
  until,
  type RunningCommand,
} from "./processes.ts";

const TEACHER = fileURLToPath(new URL("../../client/demo/teacher.safetensors", import.meta.url));

/** `scour serve` as a script of npm's, in a folder of its own. */
async function startByNpm(stateDir: string, port: number): Promise<RunningCommand> {
  const folder = await temporaryDirectory();
  const serve = `"${process.execPath}" "${SCOUR}" serve --no-pages --port ${port} --state "${stateDir}"`;
  await writeFile(
    join(folder, "package.json"),
    JSON.stringify({ private: true, scripts: { serve } }),
  );
  const npm = startProcess("npm", ["run", "serve"], {
    cwd: folder,
    env: { PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` },
  });
  await npm.says(/coordinator is up/);
  return npm;
}

async function statusFor(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/admin/campaigns`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

describe("scour serve", () => {
  // One state folder all along: each start takes a core for seconds.
  it("[P7] makes its secrets readable by the owner only, stops at SIGTERM, finds campaigns and rotated keys at the next start, starts the Workers runtime again when that is killed, leaves none behind when it or the npm that started it is killed outright, and keeps a second coordinator off its state", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    const port = await freePort();
    const first = await startServe({ stateDir, port });
    const { adminToken: old, url } = first;
    expect((await stat(stateDir)).mode & 0o777).toBe(0o700);
    for (const secret of ["admin-token", "signing-key"]) {
      expect((await stat(join(stateDir, secret))).mode & 0o777).toBe(0o600);
    }
    expect(old.length).toBeGreaterThanOrEqual(32);
    const signingKey = (await readFile(join(stateDir, "signing-key"), "utf8")).trim();
    expect(signingKey).not.toBe(old);
    expect(first.stderr() + first.stdout()).not.toContain(old);
    expect(await answers(url)).toBe(true);
    expect(await statusFor(url, signingKey)).toBe(401);
    const { id } = await scourJson<{ id: string }>(
      `campaign create --model ${TEACHER} --rounds 2 --mean .5,.5,.5 --std .25,.25,.25`.split(" "),
      first.access,
    );

    const rotated = await runScour(["rotate-keys", "--state", stateDir]);
    expect(rotated.code).toBe(0);
    expect(rotated.stderr).toContain(`process ${first.child.pid}`);
    const fresh = await tokenIn(stateDir);
    expect(fresh).not.toBe(old);
    expect(rotated.stderr + rotated.stdout).not.toContain(fresh);
    const [runtime] = await runtimesOf(stateDir);
    first.child.kill("SIGTERM");
    expect(await first.ended).toBe(0);
    expect(isRunning(runtime!)).toBe(false);

    const npm = await startByNpm(stateDir, port);
    expect([await statusFor(url, old), await statusFor(url, fresh)]).toEqual([200, 200]);
    const access = { env: { SCOUR_URL: url, SCOUR_ADMIN_TOKEN: fresh } };
    expect(await scourJson(["campaign", "list"], access)).toMatchObject([
      { id, state: "ready", round: 0, rounds: 3 },
    ]);
    const [second] = await runtimesOf(stateDir);
    process.kill(second!.pid, "SIGKILL");
    // By Miniflare, or, where that takes it long, by us.
    await npm.says(/started again|is up again/);
    const runtimes = await runtimesOf(stateDir);
    expect(runtimes).toHaveLength(1);
    expect(runtimes).not.toContainEqual(second);
    expect(await new AdminClient(url, fresh).campaign(id)).toMatchObject({ id });

    const processes = [await ownerOf(stateDir), ...runtimes];
    npm.child.kill("SIGKILL");
    await until("coordinator and runtime are gone", () => !processes.some(isRunning));
    const again = await runScour(
      ["rotate-keys", "--admin-token", "--keep-days", "0", "--state"].concat(stateDir),
    );
    expect(again.stderr).toContain("next start");
    expect(again.stderr).not.toContain("signing-key");

    const third = await startServe({ stateDir, port });
    expect(await statusFor(url, fresh)).toBe(401);
    expect(await new AdminClient(url, third.adminToken).campaign(id)).toMatchObject({ id });
    const { code, stderr, stdout } = await runScour(
      ["serve", "--no-pages", "--port", "0", "--state"].concat(stateDir),
    );
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain(`another coordinator (process ${third.child.pid})`);
    expect(stderr).toContain("--state");
    expect(await answers(url)).toBe(true);

    const left = await runtimesOf(stateDir);
    expect(left).toHaveLength(1);
    third.child.kill("SIGKILL");
    await third.ended;
    await until("the runtime is gone", () => !left.some(isRunning));
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

  it("[P6] takes its secrets from the environment where it has them", async () => {
    const given = {
      SCOUR_ADMIN_TOKEN: "an-admin-token-that-was-given",
      SCOUR_SIGNING_KEY: "a-signing-key-that-was-given-32-bytes-long",
    };
    const stateDir = await temporaryDirectory();
    const serve = startScour(["serve", "--no-pages", "--port", "0", "--state", stateDir], {
      env: given,
    });
    const [, url] = await serve.says(/API +(http:\S+)\/api/);
    await serve.says(/Admin token +SCOUR_ADMIN_TOKEN of its environment/);
    expect(await statusFor(url!, given.SCOUR_ADMIN_TOKEN)).toBe(200);
    await expect(tokenIn(stateDir)).rejects.toThrow("ENOENT");
    expect(await scourJson(["campaign", "list"], { env: { ...given, SCOUR_URL: url! } })).toEqual(
      [],
    );
    expect(serve.stderr()).not.toContain(given.SCOUR_ADMIN_TOKEN);
  });
});
