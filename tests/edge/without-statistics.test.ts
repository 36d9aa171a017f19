import { reset } from "cloudflare:test";
import { afterEach, describe, expect, it } from "vitest";
import { sha256 } from "../../protocol/digest.ts";
import { importModel } from "../../protocol/formats/import-model.ts";
import { writeSafetensors, type TensorToWrite } from "../../protocol/formats/safetensors/writer.ts";
import { sizeOf } from "../../protocol/model/values.ts";
import {
  ADMIN,
  committed,
  createCampaign,
  expectProblem,
  config,
  runningCampaign,
  send,
  studentOf,
  until,
} from "./coordinator.ts";
import { updateOf } from "./what-is-sent.ts";
import { numbers, type TinyModel } from "./tiny-model.ts";

afterEach(() => reset());

/** Where the convolutions of a VGG-11 without batch norm stand in its `features`. */
const CONVOLUTIONS = [0, 3, 6, 8, 11, 13, 16, 18];

/** A VGG-11 of one channel and three classes, without batch norm: nothing in it is a running statistic. */
async function normlessModel(): Promise<TinyModel> {
  const next = numbers(5);
  const tensor = (name: string, shape: readonly number[]): TensorToWrite => ({
    name,
    shape,
    dtype: "F32",
    values: Float32Array.from({ length: sizeOf(shape) }, () => next()),
  });
  const tensors = CONVOLUTIONS.flatMap((index) => [
    tensor(`features.${index}.weight`, [1, index === 0 ? 3 : 1, 3, 3]),
    tensor(`features.${index}.bias`, [1]),
  ]);
  tensors.push(tensor("classifier.weight", [3, 1]), tensor("classifier.bias", [3]));
  const bytes = writeSafetensors(tensors, { format: "pt" });
  const { graph } = await importModel(bytes);
  return { graph, bytes, digest: sha256(bytes) };
}

describe("a network without running statistics", () => {
  it("[S1] [S3] is sent, combined and exported: there is no slice of statistics", async () => {
    const model = await normlessModel();
    const { id, volunteers } = await runningCampaign(1, { round: { goal: 1 } }, model);
    const [volunteer] = volunteers;
    const { view } = volunteer!;
    expect(view.model.length).toBe(view.model.trainableLength);
    expect(view.sliceLengths).toEqual([view.model.length]);
    await volunteer!.contribute(updateOf(view, 0));
    await until(id, committed(1));
    const [before] = await studentOf(id, 0);
    const [after] = await studentOf(id, 1);
    expect(after).not.toEqual(before);
    const exported = await send(`/api/v1/admin/campaigns/${id}/export`, { token: ADMIN });
    const { state } = await importModel(new Uint8Array(await exported.arrayBuffer()));
    expect(state).toEqual(after);
  });

  it.each(["lipschitz", "bn-divergence"])(
    "[I8] is refused by the strategy %s, which compares batch norms",
    async (kind) => {
      const model = await normlessModel();
      await createCampaign({}, model);
      const response = await send("/api/v1/admin/campaigns", {
        method: "POST",
        token: ADMIN,
        json: config(model, { reinit: { strategy: { kind } as never } }),
      });
      const { detail } = await expectProblem(response, 400, "malformed-request");
      expect(detail).toMatch(/batch norm/);
    },
  );
});
