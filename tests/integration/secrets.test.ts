import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { freePort, runScour, startScour, startServe, temporaryDirectory } from "./processes.ts";

const GIVEN = {
  SCOUR_ADMIN_TOKEN: "an-admin-token-that-was-given",
  SCOUR_SIGNING_KEY: "a-signing-key-that-was-given-32-bytes-long",
};

async function statusFor(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/admin/campaigns`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.arrayBuffer();
  return response.status;
}

async function tokenIn(stateDir: string): Promise<string> {
  return (await readFile(join(stateDir, "admin-token"), "utf8")).trim();
}

describe("secrets of serve", () => {
  it("[P6] are the environment's where it has them", async () => {
    const stateDir = await temporaryDirectory();
    const port = await freePort();
    const serve = startScour(["serve", "--no-pages", "--port", String(port), "--state", stateDir], {
      env: GIVEN,
    });
    await serve.says(/coordinator is up/);
    await serve.says(/Admin token +SCOUR_ADMIN_TOKEN of its environment/);
    expect(await statusFor(`http://127.0.0.1:${port}`, GIVEN.SCOUR_ADMIN_TOKEN)).toBe(200);
    await expect(readFile(join(stateDir, "admin-token"))).rejects.toThrow("ENOENT");
    const listed = await runScour(["campaign", "list"], {
      env: { ...GIVEN, SCOUR_URL: `http://127.0.0.1:${port}` },
    });
    expect(listed.code).toBe(0);
    expect(serve.stderr()).not.toContain(GIVEN.SCOUR_ADMIN_TOKEN);
  });

  it.each([
    ["SCOUR_ADMIN_TOKEN", "short", "fewer than 16"],
    ["SCOUR_SIGNING_KEY", "not-as-long-as-its-hash", "fewer than 32"],
  ])("%s is refused when it is too short", async (name, value, why) => {
    const { code, stderr } = await runScour(
      ["serve", "--no-pages", "--port", "0", "--state", await temporaryDirectory()],
      { env: { ...GIVEN, [name]: value } },
    );
    expect(code).toBe(1);
    expect(stderr).toContain(`${name} in the environment has`);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain(value);
  });

  it("[P7] are replaced by rotate-keys, the old ones holding for their time", async () => {
    const stateDir = await temporaryDirectory();
    const port = await freePort();
    const first = await startServe({ stateDir, port });
    const old = first.adminToken;
    const rotated = await runScour(["rotate-keys", "--state", stateDir]);
    expect(rotated.code).toBe(0);
    expect(rotated.stderr).toContain(`process ${first.child.pid}`);
    const fresh = await tokenIn(stateDir);
    expect(fresh).not.toBe(old);
    expect(rotated.stderr + rotated.stdout).not.toContain(fresh);
    first.child.kill("SIGTERM");
    await first.ended;

    const second = await startServe({ stateDir, port });
    expect(await statusFor(second.url, old)).toBe(200);
    expect(await statusFor(second.url, fresh)).toBe(200);
    second.child.kill("SIGTERM");
    await second.ended;

    const again = await runScour([
      "rotate-keys",
      "--state",
      stateDir,
      "--admin-token",
      "--keep-days",
      "0",
    ]);
    expect(again.stderr).toContain("next start");
    expect(again.stderr).not.toContain("signing-key");
    const third = await startServe({ stateDir, port });
    expect(await statusFor(third.url, fresh)).toBe(401);
    expect(await statusFor(third.url, await tokenIn(stateDir))).toBe(200);
  });
});
