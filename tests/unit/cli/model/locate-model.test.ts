import { statSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { download } from "../../../../client/cli/model/download.ts";
import { hubFrom } from "../../../../client/cli/model/hub-model.ts";
import { blobSource } from "../../../../client/cli/model/folder-blob.ts";
import { modelBlob } from "../../../../client/cli/model/model-blob.ts";
import { locateModel, type LocateOptions } from "../../../../client/cli/model/locate-model.ts";
import { parseModelReference } from "../../../../client/cli/model/model-reference.ts";
import { openModel } from "../../../../protocol/formats/import-model.ts";
import {
  between,
  model as onnxModel,
  node,
  outside,
  WEIGHTS as ONNX_WEIGHTS,
} from "../../../fixtures/onnx/write-onnx.ts";
import { silentTerminal } from "../recording-terminal.ts";
import { temporaryDirectory } from "../temporary-directory.ts";
import { COMMIT, hubStandIn, TOKEN, type HubStandIn } from "./hub-stand-in.ts";

const WEIGHTS = Buffer.from("weights ".repeat(5000));

/** Of a model in these parts. */
const index = (...shards: readonly string[]): Buffer =>
  Buffer.from(JSON.stringify({ weight_map: Object.fromEntries(shards.entries()) }));

/** A folder's files by their paths, but what is kept of where they came from. */
async function filesIn(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".from"))
    .map(({ name, parentPath }) => join(parentPath, name));
  const contents = paths.map(async (path) => [relative(folder, path), await readFile(path)]);
  return Object.fromEntries(await Promise.all(contents)) as Record<string, Buffer>;
}

async function door(hub: HubStandIn, environment: Record<string, string> = {}) {
  const cache = await temporaryDirectory();
  const locate = (text: string, options: Partial<LocateOptions> = {}) =>
    locateModel(text, {
      terminal: silentTerminal,
      signal: new AbortController().signal,
      cache,
      environment: { HF_ENDPOINT: hub.url, ...environment },
      ...options,
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

  it("has no password in its address, and none is shown", () => {
    const address = "https://ada:secret@a.example/m.pt";
    expect(() => parseModelReference(address)).toThrow(
      /^(?!.*secret).*a\.example\/m\.pt.*password/,
    );
    const endpoint = { HF_ENDPOINT: "https://ada:secret@a.example" };
    expect(() => hubFrom(endpoint)).toThrow(/^(?!.*secret).*password/);
  });
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
    const shards = ["model-00001-of-00002.safetensors", "parts/b.safetensors"] as const;
    const files = {
      "model.safetensors.index.json": index(...shards),
      [shards[0]]: WEIGHTS,
      [shards[1]]: WEIGHTS,
      "config.json": Buffer.from("{}"),
    };
    const hub = await hubStandIn({ ...files, "model-00001-of-00003.safetensors": WEIGHTS });
    const { locate } = await door(hub);
    const { path } = await locate("hf:owner/name");
    expect(await filesIn(path)).toEqual(files);
  });

  it("comes with the files in which an ONNX file has its weights, and no others", async () => {
    const [w, h, b] = ONNX_WEIGHTS;
    const files = {
      "net.onnx": Buffer.from(
        onnxModel({
          ...between(node("Relu", ["c"], "r")),
          tensors: [outside(w, 0, "parts/w.data"), outside(h, 0, "head.bin"), b],
        }),
      ),
      "parts/w.data": Buffer.from(w.raw),
      "head.bin": Buffer.from(h.raw),
    };
    const inFolder = Object.entries(files).map(([name, bytes]) => [`onnx/${name}`, bytes]);
    const hub = await hubStandIn({
      ...Object.fromEntries(inFolder),
      "onnx/other.bin": WEIGHTS,
      "head.bin": WEIGHTS,
    });
    const { locate } = await door(hub);
    const { path } = await locate("hf:owner/name:onnx/net.onnx");
    expect(await filesIn(path)).toEqual(files);
    const { file } = await openModel(blobSource(await modelBlob(path)));
    expect(file.kind).toMatch(/^ONNX/);
  });

  it("is the file that was named, whichever others of it were fetched before", async () => {
    const other = Buffer.from(onnxModel(between(node("Relu", ["c"], "r"))));
    const files = { "model.safetensors": WEIGHTS, "onnx/model.onnx": other, "b.pt": other };
    const hub = await hubStandIn({ ...files, "config.json": Buffer.from("{}") });
    const { locate } = await door(hub);
    const held = async (file: string): Promise<readonly [string, string[]]> => {
      const { path, source } = await locate(`hf:owner/name:${file}`);
      const bundle = Buffer.from(await (await modelBlob(path)).arrayBuffer());
      expect(bundle.includes(files[file as keyof typeof files])).toBe(true);
      return [source, (await readdir(path)).filter((name) => !name.endsWith(".from")).toSorted()];
    };
    await locate("hf:owner/name");
    for (const file of ["b.pt", "model.safetensors"]) {
      const expected = [`hf:owner/name@${COMMIT}:${file}`, [file, "config.json"].toSorted()];
      expect(await held(file)).toEqual(expected);
    }
    const { path } = await locate("hf:owner/name:onnx/model.onnx");
    expect(await readFile(join(path, "model.onnx"))).toEqual(other);
    expect(await readFile(join(path, "config.json"), "utf8")).toBe("{}");
  });

  it.each(["model/../../x.safetensors", "model\\..\\x.safetensors"])(
    "has no file %j, which leads out of its folder",
    async (name) => {
      const main = "model.safetensors.index.json";
      const hub = await hubStandIn({ [main]: index(name), [name]: WEIGHTS });
      const { cache, locate } = await door(hub);
      await expect(locate("hf:owner/name")).rejects.toThrow(/lies outside its folder/);
      const kept = (await readdir(cache, { recursive: true })).map((file) => basename(file));
      expect(kept.filter((file) => /\.(?:json|safetensors)$/.test(file))).toEqual([main]);
    },
  );

  it("is one of several parts: their index is asked for", async () => {
    const part = "model-00001-of-00002.safetensors";
    const { locate } = await door(await hubStandIn({ [part]: WEIGHTS }));
    await expect(locate(`hf:owner/name:${part}`)).rejects.toThrow(/one of 2 parts/);
  });

  it("that has another name now is told by that", async () => {
    const { locate } = await door(await hubStandIn({ "model.safetensors": WEIGHTS }));
    await expect(locate("hf:owner/before")).rejects.toMatchObject({
      message: expect.stringMatching(/leads to owner\/name$/),
      advice: "If that is the model you mean, write hf:owner/name.",
    });
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
    await expect(locate("hf:owner/name", { signal: stop.signal })).rejects.toThrow(
      "stopped by SIGINT",
    );
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

  it.each(["x%2F..", "%ff", "a%5C..%5Cb", "a%0Ab", "m".repeat(201), ""])(
    "ending in '%s' is kept as a file all the same",
    async (end) => {
      const { locate } = await door(await hubStandIn({}));
      const fetcher = (): Promise<Response> => Promise.resolve(new Response(WEIGHTS));
      const { path } = await locate(`https://a.example/${end}`, { fetcher });
      expect(basename(path)).toBe("model");
      expect(await readFile(path)).toEqual(WEIGHTS);
    },
  );

  it.each([true, false])("that is too long is not fetched, its length told: %s", async (isTold) => {
    const place = join(await temporaryDirectory(), "m.pt");
    const headers: HeadersInit = isTold ? { "content-length": String(WEIGHTS.length) } : {};
    const fetcher = (): Promise<Response> => Promise.resolve(new Response(WEIGHTS, { headers }));
    const fetched = (mostBytes: number): Promise<void> =>
      download(new URL("https://a.example/m.pt"), place, {
        signal: new AbortController().signal,
        mostBytes,
        fetcher,
      });
    await expect(fetched(WEIGHTS.length - 1)).rejects.toThrow(/is longer than the 39999 bytes/);
    expect(await readdir(join(place, ".."))).toEqual([]);
    await fetched(WEIGHTS.length);
    expect(await readFile(place)).toEqual(WEIGHTS);
  });

  it("is given up where it begins anew each time", async () => {
    const place = join(await temporaryDirectory(), "m.pt");
    const lengths = [900, 100, 200, 300, 400, 500, 600];
    let tries = 0;
    const fetcher = (): Promise<Response> => {
      const body = WEIGHTS.subarray(0, lengths[tries++]);
      return Promise.resolve(new Response(body, { headers: { "content-length": "40000" } }));
    };
    const { signal } = new AbortController();
    const options = { signal, mostBytes: 2 ** 20, fetcher, firstWaitMs: 0 };
    const fetched = download(new URL("https://a.example/m.pt"), place, options);
    await expect(fetched).rejects.toThrow(/it broke off at/);
    expect(tries).toBe(5);
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
