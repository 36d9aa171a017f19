import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import { decodeFloats, encodeFloats } from "../../protocol/formats/float-encodings.ts";
import { FORMATS } from "../../protocol/formats/formats.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import type { Format } from "../../protocol/formats/model-file.ts";
import { sizeOf } from "../../protocol/model/graph.ts";
import type { Form } from "../../protocol/model/architectures/family.ts";
import { resnetFamily } from "../../protocol/model/architectures/resnet.ts";
import { nameInFile } from "../../protocol/model/naming.ts";
import { channelScores } from "../../protocol/reinit/channel-scores.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import { reinitStrategySchema } from "../../protocol/reinit/strategy-schema.ts";
import { crate, CRATE_STD, writeCrate } from "../fixtures/made-up-format/crate.ts";
import { madeUpNaming } from "../fixtures/made-up-format/naming.ts";
import {
  ADMIN,
  committed,
  createCampaign,
  runningCampaign,
  SEED,
  send,
  studentOf,
  until,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { numbers, tinyModel, type TinyModel } from "./tiny-model.ts";

// What a format costs is its folder and a line in a table, a naming an entry in its family. The
// coordinator lives in this module graph: its tables are these.
(FORMATS as Format[]).push(crate);
(resnetFamily.forms as Form[]).push({ ...resnetFamily.forms[0]!, ...madeUpNaming });

afterEach(() => reset());

/** A small ResNet-18 in a crate, under made-up names. */
function cratedModel(): TinyModel {
  const { graph } = tinyModel({ width: 2 });
  const next = numbers(3);
  const bytes = writeCrate(
    graph.parameters.map(({ name, role, shape }) => ({
      name: nameInFile(madeUpNaming, name),
      shape,
      values: Float32Array.from({ length: sizeOf(shape) }, () =>
        role === "running-variance" ? next() + 1 : next(),
      ),
    })),
  );
  return { graph, bytes, digest: sha256(bytes) };
}

async function studentAsVector(id: string, round: number): Promise<Float32Array> {
  const slices = await studentOf(id, round);
  return Float32Array.from(slices.flatMap((slice) => Array.from(slice)));
}

async function exported(id: string, query = ""): Promise<Uint8Array> {
  const response = await send(`/api/v1/admin/campaigns/${id}/export${query}`, { token: ADMIN });
  expect(response.status).toBe(200);
  expect(response.headers.get("Content-Disposition")).toMatch(/\.crate"$/);
  return new Uint8Array(await response.arrayBuffer());
}

describe("a model in a made-up format, under made-up names", () => {
  it("[I1] [I9] is scored and re-initialised slice by slice as whoever has the whole file does", async () => {
    const model = cratedModel();
    const strategy = reinitStrategySchema.parse({ kind: "lipschitz" });
    const { id } = await createCampaign({ reinit: { seed: SEED, strategy, strength: 2 } }, model);
    const { graph, layout, preprocessing, state } = await importModel(model.bytes);
    expect(layout.entries[0]!.name).toBe("module.conv1.weight");
    expect(preprocessing).toMatchObject({ resize: "squash", std: CRATE_STD });
    expect(graph.architecture).toBe("resnet18-32");
    const scores = channelScores(strategy, graph, layout, state);
    const plan = reinitPlan(graph, strategy, 2, scores);
    const expected = reinitialise(state, layout, plan, parseSeed(SEED));
    expect(expected).not.toEqual(state);
    expect(await studentAsVector(id, 0)).toEqual(expected);
  });

  it("[W4] comes back byte for byte when nothing changed", async () => {
    const model = cratedModel();
    const { id } = await createCampaign({ reinit: { seed: SEED, strength: 0 } }, model);
    expect(await exported(id, "?round=0")).toEqual(model.bytes);
  });

  it("[W4] is cleansed, and exported in the format it came in", async () => {
    const model = cratedModel();
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } }, model);
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 0));
    await until(id, committed(1));
    const student = await studentAsVector(id, 1);
    const { state } = await importModel(await exported(id));
    expect(state).toEqual(decodeFloats("F16", encodeFloats("F16", student)));
    expect(state).not.toEqual(await studentAsVector(id, 0));
  });
});
