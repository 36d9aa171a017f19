import { describe, expect, it } from "vitest";
import { browserEnvironment } from "../../client/engine/opening/browser-environment.ts";
import { openEngine } from "../../client/engine/opening/open-engine.ts";
import {
  readGoldenCase,
  type GoldenCase,
  type GoldenRun,
} from "../../scripts/golden/golden-case.ts";
import { reproduce, type Errors } from "../../scripts/golden/reproduce.ts";

const FILES = import.meta.glob<string>("../fixtures/golden-w4/*.{json,bin,safetensors}", {
  query: "?url",
  import: "default",
  eager: true,
});

async function readFixture(name: string): Promise<Uint8Array> {
  const url = FILES[`../fixtures/golden-w4/${name}`];
  if (url === undefined) throw new Error(`there is no fixture ${name}`);
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${name}: HTTP status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function goldenW4(): Promise<GoldenCase> {
  const run = new TextDecoder().decode(await readFixture("run.json"));
  return readGoldenCase(readFixture, JSON.parse(run) as GoldenRun);
}

function over(errors: Errors, tolerance: number): [string, number][] {
  return Object.entries(errors).filter(([, error]) => !(error <= tolerance));
}

const environment = browserEnvironment();

describe("the engine in a tab", () => {
  it.each(["webgpu", "wasm"] as const)(
    "reproduces PyTorch's run on %s, every tensor",
    async (backend) => {
      const engine = await openEngine({ backend, environment });
      expect(engine.backend).toBe(backend);
      const errors = await reproduce(engine, await goldenW4());
      await engine.close();
      expect(Object.keys(errors)).toHaveLength(1 + 62 + 1 + 3 + 102 + 1);
      expect(over(errors, 1e-3)).toEqual([]);
    },
  );

  it("takes WebAssembly over a GPU in software", async () => {
    const engine = await openEngine({ backend: "auto", environment });
    expect(engine.backend).toBe("wasm");
    await engine.close();
  });
});
