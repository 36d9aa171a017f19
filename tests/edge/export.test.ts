import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { chainDigest, type CommittedLink } from "../../edge/campaign/chain/link.ts";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { isMasked, reinitMask } from "../../protocol/reinit/mask.ts";
import { parseSeed, reinitialise, reinitPlan } from "../../protocol/reinit/reinitialise.ts";
import {
  decodeFloats,
  encodeFloats,
  type FloatEncoding,
} from "../../protocol/formats/float-encodings.ts";
import { parseHeader } from "../../protocol/formats/safetensors/header.ts";
import {
  ADMIN,
  ask,
  committed,
  createCampaign,
  expectProblem,
  report,
  rounds,
  runningCampaign,
  SEED,
  send,
  studentOf,
  until,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { tfjsModel } from "./tfjs-model.ts";
import { tinyModel } from "./tiny-model.ts";

afterEach(() => reset());

function joined(slices: readonly Float32Array[]): Float32Array {
  const values = new Float32Array(slices.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const slice of slices) {
    values.set(slice, offset);
    offset += slice.length;
  }
  return values;
}

async function exported(
  id: string,
  query = "",
  extension = "safetensors",
): Promise<Uint8Array<ArrayBuffer>> {
  const response = await send(`/api/v1/admin/campaigns/${id}/export${query}`, { token: ADMIN });
  expect(response.status).toBe(200);
  const name = response.headers.get("Content-Disposition");
  expect(name).toMatch(/^attachment; filename="c-.*"$/);
  expect(name!.endsWith(`.${extension}"`)).toBe(true);
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(response.headers.get("Content-Length")).toBe(String(bytes.length));
  return bytes;
}

describe("student₀", () => {
  it("[I1] [S5] is what anyone recomputes from the teacher and the seed", async () => {
    const model = tinyModel({ width: 2 });
    const { id, config, starts } = await createCampaign({}, model);
    const { maskDigest, reinitialised, strength } = starts[0]!;
    const teacher = await importModel(model.bytes);
    const plan = reinitPlan(teacher.graph, config.reinit.strategy, strength);
    const expected = reinitialise(teacher.state, teacher.layout, plan, parseSeed(SEED));
    expect(joined(await studentOf(id, 0))).toEqual(expected);
    const mask = reinitMask(teacher.layout, plan, parseSeed(SEED));
    expect(maskDigest).toBe(sha256(mask));
    const served = await send(`/api/v1/blobs/${maskDigest}`, { token: ADMIN });
    expect(new Uint8Array(await served.arrayBuffer())).toEqual(mask);
    let ones = 0;
    for (let i = 0; i < teacher.layout.length; i++) if (isMasked(mask, i)) ones++;
    expect(reinitialised.reduce((sum, { weights }) => sum + weights, 0)).toBe(ones);
    expect(reinitialised.map(({ stage }) => stage)).toEqual(["1", "2", "3", "4", "head"]);
  });

  it.each<FloatEncoding>(["F16", "BF16"])("[W3] is read from a %s file", async (dtype) => {
    const model = tinyModel({ dtype });
    const { id } = await createCampaign({ reinit: { strength: 0 } }, model);
    expect(joined(await studentOf(id, 0))).toEqual((await importModel(model.bytes)).state);
    // Nothing was changed, so the very same file comes out.
    expect(await exported(id, "?round=0")).toEqual(model.bytes);
  });
});

describe("export", () => {
  it("[W4] of any committed round re-imports to that round's student", async () => {
    const model = tinyModel();
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } }, model);
    for (const round of [0, 1]) {
      await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, round));
      await until(id, committed(round + 1));
    }
    const files = [];
    for (const round of [0, 1, 2]) {
      const file = await exported(id, `?round=${round}`);
      files.push(sha256(file));
      const { state } = await importModel(file);
      const header = parseHeader(file, file.length);
      expect(state).toEqual(joined(await studentOf(id, round)));
      expect(header.bytes).toEqual(parseHeader(model.bytes, model.bytes.length).bytes);
      const counter = header.tensors.find(({ name }) => name === "bn1.num_batches_tracked")!;
      expect(file[counter.begin]).toBe(7);
    }
    expect(new Set(files).size).toBe(3);
    expect(sha256(await exported(id))).toBe(files[2]);
  });

  it("[W4] rounds into the source's dtype", async () => {
    const model = tinyModel({ dtype: "F16" });
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } }, model);
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
    await until(id, committed(1));
    const { state } = await importModel(await exported(id));
    const student = joined(await studentOf(id, 1));
    expect(state).not.toEqual(student);
    expect(state).toEqual(decodeFloats("F16", encodeFloats("F16", student)));
  });

  it("[G5] [G5.2] of a network that a file has twice is the same in both places", async () => {
    const model = tinyModel({
      change: (tensors) => {
        const network = tensors.splice(0);
        for (const prefix of ["module.model.", "module.attacker.model."]) {
          for (const one of network) tensors.push({ ...one, name: prefix + one.name });
        }
      },
    });
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } }, model);
    expect((await report(id)).config.network.prefix).toBe("module.model.");
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 1));
    await until(id, committed(1));
    const file = await exported(id);
    const student = joined(await studentOf(id, 1));
    for (const prefix of ["module.model", "module.attacker.model"]) {
      expect((await importModel(file, { prefix })).state).toEqual(student);
    }
  });

  it("[W6.3] [W7] is the bundle of a model of several files, its weights in the file's order", async () => {
    const model = await tfjsModel();
    const { id, volunteers } = await runningCampaign(
      1,
      { reinit: { seed: SEED, strength: 0 }, round: { goal: 1 } },
      model,
    );
    expect(await exported(id, "?round=0", "zip")).toEqual(model.bytes);
    const wide = await send(`/api/v1/admin/campaigns/${id}/export?float32=true`, { token: ADMIN });
    const { detail } = await expectProblem(wide, 400, "malformed-request");
    expect(detail).toMatch(/float32 is for TensorFlow\.js models with quantised/);
    await volunteers[0]!.contribute(updateOf(volunteers[0]!.view, 0));
    await until(id, committed(1));
    const file = await exported(id, "?round=1", "zip");
    expect(file).toHaveLength(model.bytes.length);
    expect((await importModel(file)).state).toEqual(joined(await studentOf(id, 1)));
  });

  it("of a round that is not committed is 404", async () => {
    const { id } = await createCampaign();
    const response = await send(`/api/v1/admin/campaigns/${id}/export?round=1`, { token: ADMIN });
    await expectProblem(response, 404, "not-found");
    const bad = await send(`/api/v1/admin/campaigns/${id}/export?round=-1`, { token: ADMIN });
    await expectProblem(bad, 400, "malformed-request");
  });
});

describe("the commit chain", () => {
  it("[R9] can be recomputed by whoever has the links", async () => {
    const { id, volunteers } = await runningCampaign(2);
    for (const round of [0, 1]) {
      for (const volunteer of volunteers)
        await volunteer.contribute(updateOf(volunteer.view, round));
      await until(id, committed(round + 1));
    }
    const reports = await rounds(id);
    let previous: string | null = null;
    for (const round of [0, 1]) {
      const path = `/api/v1/admin/campaigns/${id}/rounds/${round}/chain`;
      const { chain, link } = await ask<{ chain: string; link: CommittedLink }>(path, {
        token: ADMIN,
      });
      expect(link).toMatchObject({ previous, round, attempt: 0 });
      expect(chainDigest(link)).toBe(chain);
      expect(reports[round]!.chain).toBe(chain);
      expect(link.inputs.map(({ participant }) => participant)).toEqual(
        volunteers.map((volunteer) => volunteer.id),
      );
      const student = await studentOf(id, round + 1);
      expect(link.outputs).toEqual(student.map((slice) => sha256(encodeFloats("F32", slice))));
      const forged = { ...link, inputs: link.inputs.toReversed() };
      expect(chainDigest(forged)).not.toBe(chain);
      previous = chain;
    }
    const missing = await send(`/api/v1/admin/campaigns/${id}/rounds/2/chain`, { token: ADMIN });
    await expectProblem(missing, 404, "not-found");
  });
});
