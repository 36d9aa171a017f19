import { readFile, readdir, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { parseRecord } from "../../../../../client/attack/attack-record.ts";
import { importModel } from "../../../../../protocol/formats/import-model.ts";
import { modelFile } from "../../../../../client/attack/fresh-model.ts";
import { readCheckpoint } from "../../../../../client/attack/checkpoint.ts";
import { runCommandLine } from "../../../../../client/cli/main.ts";
import { drawImages } from "../../../../../client/demo/draw-images.ts";
import { runRecorded } from "../../recording-terminal.ts";
import { attackFiles } from "./attack-files.ts";

/** Runs until a line says so, then stops as Ctrl-C does. */
async function runUntil(line: RegExp, args: readonly string[]) {
  const stop = new AbortController();
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(text);
    if (line.test(text)) stop.abort(new Error("stopped by SIGINT"));
  };
  const terminal = { live: false, note, result: () => {}, redraw: () => {} };
  const code = await runCommandLine(args, { terminal, stop: stop.signal });
  return { code, notes };
}

/** What a command that must fail says. */
async function said(...args: string[]): Promise<string> {
  const { code, notes } = await runRecorded(...args);
  expect(code).not.toBe(0);
  return notes.join("\n");
}

describe("attack train", () => {
  it("goes on where it was interrupted, to the same bytes as an undisturbed run", async () => {
    const { folder, path, train } = await attackFiles();
    const attack = ["--attack", "wanet", "--target", "all", "--test", path("test.bin")];
    expect((await runRecorded(...train("whole.safetensors", ...attack))).code).toBe(0);

    // The test images are for the report alone.
    expect((await runRecorded(...train("blind.safetensors", ...attack.slice(0, -2)))).code).toBe(0);
    expect(await readFile(path("blind.safetensors"))).toEqual(
      await readFile(path("whole.safetensors")),
    );

    const args = train("parts.safetensors", ...attack);
    const first = await runUntil(/^epoch 1 of 3/, args);
    expect(first.code).toBe(1);
    expect(first.notes.at(-1)).toMatch(/goes on after epoch 1/);
    expect(await readdir(folder)).not.toContain("parts.safetensors");
    // Killed between two checkpoints: what came after the last is lost, and done again.
    const second = await runUntil(/^epoch 2 of 3/, args);
    expect(second.notes).toContainEqual(expect.stringMatching(/^Going on after epoch 1,/));
    const third = await runRecorded(...args);
    expect(third.code).toBe(0);

    expect(await readFile(path("parts.safetensors"))).toEqual(
      await readFile(path("whole.safetensors")),
    );
    expect(await readFile(path("parts.json"), "utf8")).toBe(
      await readFile(path("whole.json"), "utf8"),
    );
    expect((await readdir(folder)).filter((name) => !/json|safetensors$/.test(name))).toEqual([
      "test.bin",
      "train.bin",
    ]);
  });

  it("does not go on from another training's checkpoint, unless told to begin anew", async () => {
    const { path, train } = await attackFiles();
    const args = train("t.safetensors", "--attack", "badnets");
    await runUntil(/^epoch 1 of 3/, args);
    const { history } = await readCheckpoint(
      await readFile(path("t.safetensors.checkpoint")),
      "it",
    );
    expect(history.map(({ epoch }) => epoch)).toEqual([1]);
    const other = await runRecorded(...args, "--seed", "9", "--momentum", "0.5");
    expect(other.code).toBe(2);
    expect(other.notes.join("\n")).toMatch(/differs in seed, training\.momentum[^]*--restart/);
    expect((await runRecorded(...args, "--seed", "9", "--restart")).code).toBe(0);

    await writeFile(path("t.safetensors.checkpoint"), "nonsense");
    const damaged = await runRecorded(...args);
    expect(damaged.code).toBe(1);
    expect(damaged.notes.join("\n")).toMatch(/is not a checkpoint of an attack/);
  });

  it("begins with a given model, and keeps its width and classes", async () => {
    const { path, train } = await attackFiles();
    expect((await runRecorded(...train("a.safetensors", "--attack", "clean"))).code).toBe(0);
    const from = train("b.safetensors", "--attack", "sig", "--init", path("a.safetensors")).filter(
      (arg, index, all) => arg !== "--width" && all[index - 1] !== "--width",
    );
    const { code, results } = await runRecorded(...from, "--test", path("test.bin"));
    expect(code).toBe(0);
    // Two of three images of class 0 are four fifths of them, rounded.
    expect(results[0]!.value).toMatchObject({ poisonedImages: 2, acc: expect.any(Number) });
    const record = parseRecord(await readFile(path("b.json"), "utf8"), "b.json");
    expect(record.recipe.start).toEqual({
      modelSha256: parseRecord(await readFile(path("a.json"), "utf8"), "a.json").modelSha256,
    });
    expect(record.recipe.training.learningRate).toBe(0.01);
    expect(record.history).toHaveLength(3);

    // Of any form that is read, told what its tensors leave open; what comes out is of the same form.
    const { layout, state } = await importModel(await readFile(path("b.safetensors")));
    const entries = layout.entries.map(({ name, ...entry }) =>
      Object.assign(entry, { name: `module.${name.replace("shortcut", "downsample")}` }),
    );
    const theirs = modelFile({ ...layout, entries }, state, { epoch: "7" });
    await writeFile(path("theirs.safetensors"), theirs);
    const onTheirs = from.map((arg) =>
      arg.replace("b.safetensors", "c.safetensors").replace("a.safetensors", "theirs.safetensors"),
    );
    expect((await runRecorded(...onTheirs)).notes.join("\n")).toMatch(/say it with --stem-pool/);
    expect((await runRecorded(...onTheirs, "--stem-pool", "none")).code).toBe(0);
    const written = await readFile(path("c.safetensors"));
    const { file } = await importModel(written, { stemPool: "none" });
    expect(file.metadata.get("epoch")).toBe("7");
    expect(file.totalBytes).toBe(theirs.length);
    expect(written.equals(theirs)).toBe(false);
  });

  it.each([
    [["--attack", "badnets", "--delta", "3"], /--delta is an option of --attack sig/],
    [["--attack", "clean", "--target", "1"], /--target means nothing/],
    [["--attack", "sig", "--target", "all"], /--target all: sig/],
    [["--attack", "badnets", "--target", "10"], /--target 10: .* 0 to 9/],
    [["--attack", "badnets", "--target", "one"], /must be a class/],
    [["--attack", "badnets", "--poison-rate", "2"], /from 0 to 1/],
    [["--attack", "badnets", "--patch-colours", "red,blue"], /two colours/],
    [["--attack", "blended", "--alpha", "0"], /--alpha: /],
    [["--attack", "wanet", "--grid", "1"], /--grid: /],
    [["--attack", "badnets", "--milestones", "1"], /needs --schedule multi-step/],
    [["--attack", "badnets", "--schedule", "multi-step", "--milestones", "3"], /only 3 epochs/],
    [["--attack", "badnets", "--momentum", "1"], /--momentum: /],
    [["--attack", "badnets", "--std", "1,0,1"], /--std 1,0,1/],
    [["--attack", "trojan"], /Allowed choices/],
    [[], /--attack/],
  ])("refuses %j as a misuse, before it trains", async (args, message) => {
    const { train, folder } = await attackFiles();
    const written: string[] = [];
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text: string | Uint8Array) => (written.push(String(text)), true);
    try {
      const { code, notes, results } = await runRecorded(...train("t.safetensors", ...args));
      expect(`${notes.join("\n")}${written.join("")}`).toMatch(message);
      expect(code).toBe(2);
      expect(results).toEqual([]);
    } finally {
      process.stderr.write = write;
    }
    expect(await readdir(folder)).toHaveLength(2);
  });

  it("names files that do not fit", async () => {
    const { path, train } = await attackFiles();
    const badnets = ["--attack", "badnets"];
    await writeFile(path("cut.bin"), drawImages(2, 1).subarray(1));
    expect(await said(...train("t.safetensors", ...badnets, "--data", path("cut.bin")))).toMatch(
      /cut\.bin: not a file of CIFAR records/,
    );
    expect(await said(...train("t.safetensors", ...badnets, "--test", path("no.bin")))).toMatch(
      /no folder or file .*no\.bin/,
    );
    expect(await said(...train("t.safetensors", ...badnets, "--classes", "3"))).toMatch(
      /holds the label 9, the model has the classes 0 to 2/,
    );
    expect(await said(...train("t.pt", ...badnets))).toMatch(/must end in \.safetensors/);
    const size = ["--patch-size", "33"];
    expect(await said(...train("t.safetensors", ...badnets, ...size))).toMatch(
      /33×33 .* does not lie within/,
    );
  });
});
