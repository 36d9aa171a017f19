import { expect, it } from "vitest";
import { EngineError } from "../../../client/engine/engine-error.ts";
import { setUp } from "./set-up.ts";

it("[D7.3] a device without the memory is refused before the teacher's weights are fetched", async () => {
  const { coordinator, participant, seen, training } = setUp();
  const { digest } = coordinator.view.model;
  const asked: number[] = [];
  training.requireRoom = async ({ graph, layout }) => {
    asked.push(graph.operations.length, layout.length);
    throw new EngineError("too-large", "a step needs 9000 MiB, and there are 4096 MiB");
  };
  await expect(participant.run()).rejects.toThrow("9000 MiB");
  expect(asked).toEqual([expect.any(Number), coordinator.view.model.length]);
  expect(seen.at(-1)).toMatchObject({ kind: "failed", code: "too-large" });
  expect(seen.map(({ kind }) => kind)).not.toContain("downloading");
  const ranges = coordinator.calls
    .filter(({ path }) => path === `/blobs/${digest}`)
    .map(({ headers }) => headers.get("Range"));
  expect(ranges.length).toBeGreaterThan(0);
  expect(ranges.every((range) => /^bytes=\d+-\d+$/.test(range ?? ""))).toBe(true);
});

it("[D7.3] a device that has it goes on as ever", async () => {
  const { participant, training } = setUp();
  let asked = 0;
  training.requireRoom = async () => void asked++;
  await expect(participant.run()).resolves.toMatchObject({ kind: "finished" });
  expect(asked).toBe(1);
});
