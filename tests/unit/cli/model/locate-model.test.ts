import { statSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { locateModel } from "../../../../client/cli/model/locate-model.ts";
import { parseModelReference } from "../../../../client/cli/model/model-reference.ts";
import { silentTerminal } from "../recording-terminal.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { COMMIT, hubStandIn, TOKEN, type HubStandIn } from "./hub-stand-in.ts";

const WEIGHTS = Buffer.from("weights ".repeat(5000));

async function door(hub: HubStandIn, environment: Record<string, string> = {}) {
  const cache = await temporaryDirectory();
  const locate = (text: string, signal: AbortSignal = new AbortController().signal) =>
    locateModel(text, {
      terminal: silentTerminal,
      signal,
      cache,
      environment: { HF_ENDPOINT: hub.url, ...environment },
    });
  return { cache, locate };
}

describe("a model that is named", () => {
  it.each([
    ["teacher.safetensors", { kind: "path", path: "teacher.safetensors" }],
    ["https://a.example/m.pt", { kind: "url", url: new URL("https://a.example/m.pt") }],
    ["hf:a/b", { kind: "hub", repository: "a/b", revision: "main", file: undefined }],
    ["hf:a/b@x/y:d/m.bin", { kind: "hub", repository: "a/b", revision: "x/y", file: "d/m.bin" }],
  ])("%s is a place", (text, expected) => {
    expect(parseModelReference(text)).toEqual(expected);
  });

  it.each(["http://a.example/m.pt", "hf:a", "hf:../b", "hf:a/b@../c", "hf:a/b:../m", "hf:a/b:"])(
    "%s is none",
    (text) => {
      expect(() => parseModelReference(text)).toThrow(/--model/);
    },
  );
});

describe("a model on the hub", () => {
  it("is fetched once, pinned to its commit", async () => {
    const hub = await hubStandIn({ "model.safetensors": WEIGHTS, "README.md": Buffer.from("x") });
    const { locate } = await door(hub);
    const { path, source } = await locate("hf:owner/name");
    expect(source).toBe(`hf:owner/name@${COMMIT}:model.safetensors`);
    expect(await readFile(path)).toEqual(WEIGHTS);
    const asked = hub.seen.length;
    expect(await locate("hf:owner/name@v1")).toEqual({ path, source });
    // Which commit is meant is asked again, the file is not.
    expect(hub.seen).toHaveLength(asked + 1);
  });

  it("comes with what tells of it, and its shards", async () => {
    const [first, second] = [1, 2].map((part) => `model-0000${part}-of-00002.safetensors`);
    const files = ["model.safetensors.index.json", first!, second!, "config.json"];
    const hub = await hubStandIn(Object.fromEntries(files.map((name) => [name, WEIGHTS])));
    const { locate } = await door(hub);
    const { path } = await locate("hf:owner/name");
    for (const name of files) expect(await readFile(join(path, name))).toEqual(WEIGHTS);
  });

  it("goes on where the line broke off", async () => {
    const hub = await hubStandIn({ "model.safetensors": WEIGHTS });
    const { cache, locate } = await door(hub);
    const kept = async (): Promise<number[]> =>
      (await readdir(cache, { recursive: true }))
        .filter((name) => name.endsWith(".partial"))
        .map((name) => statSync(join(cache, name)).size);
    const once = async (): Promise<void> => await expect.poll(kept).toEqual([1000]);
    hub.breakOff = { after: 1000, once };
    const { path } = await locate("hf:owner/name");
    expect(await readFile(path)).toEqual(WEIGHTS);
    const ranges = hub.seen.filter(({ host }) => host === "store").map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=1000-"]);
  });

  it("is asked for with the token, which no other host is shown", async () => {
    const hub = await hubStandIn({ "model.safetensors": WEIGHTS }, { gated: true });
    const { locate } = await door(hub);
    await expect(locate("hf:owner/name")).rejects.toThrow(/401.*gated/);
    await expect(locate("hf:owner/name")).rejects.toMatchObject({
      advice: expect.stringContaining("HF_TOKEN"),
    });
    const withToken = await door(hub, { HF_TOKEN: TOKEN });
    await withToken.locate("hf:owner/name");
    const shown = new Map(
      hub.seen.slice(2).map(({ authorization, host }) => [host, authorization]),
    );
    expect(shown).toEqual(
      new Map([
        ["hub", `Bearer ${TOKEN}`],
        ["store", undefined],
      ]),
    );
  });

  it("that is not there, or is one of several, is told", async () => {
    const hub = await hubStandIn({ "a.safetensors": WEIGHTS, "b.safetensors": WEIGHTS });
    const { locate } = await door(hub);
    await expect(locate("hf:owner/other")).rejects.toThrow(/404.*no such model/);
    await expect(locate("hf:owner/name")).rejects.toMatchObject({
      message: "hf:owner/name has several models",
      advice: "Name one after a colon: :a.safetensors, :b.safetensors.",
    });
    await expect(locate("hf:owner/name:c.safetensors")).rejects.toThrow(/no file/);
    const { path } = await locate("hf:owner/name:b.safetensors");
    expect(await readFile(path)).toEqual(WEIGHTS);
  });

  it("stops when it is told to, and keeps what came", async () => {
    const hub = await hubStandIn({ "model.safetensors": WEIGHTS });
    const { locate } = await door(hub);
    const stop = new AbortController();
    stop.abort(new Error("stopped by SIGINT"));
    await expect(locate("hf:owner/name", stop.signal)).rejects.toThrow("stopped by SIGINT");
  });
});

describe("a model at an address", () => {
  it("is fetched again only where it is another one", async () => {
    const files = { "m.pt": WEIGHTS };
    const hub = await hubStandIn(files);
    const { locate } = await door(hub);
    const { path, source } = await locate(`${hub.store}/m.pt`);
    expect(source).toBe(`${hub.store}/m.pt`);
    await locate(`${hub.store}/m.pt`);
    expect(hub.seen).toHaveLength(2);
    files["m.pt"] = Buffer.from("another one");
    await locate(`${hub.store}/m.pt`);
    expect(await readFile(path)).toEqual(files["m.pt"]);
  });

  it("is not taken up where it changed in between", async () => {
    const files = { "m.pt": WEIGHTS };
    const hub = await hubStandIn(files);
    const { locate } = await door(hub);
    const { path } = await locate(`${hub.store}/m.pt`);
    // As if an earlier version had broken off.
    await writeFile(`${path}.partial`, "weigh");
    await writeFile(
      `${path}.partial.from`,
      JSON.stringify({ url: `${hub.store}/m.pt`, etag: '"of before"' }),
    );
    files["m.pt"] = Buffer.from("another one");
    await locate(`${hub.store}/m.pt`);
    expect(await readFile(path)).toEqual(files["m.pt"]);
  });
});
