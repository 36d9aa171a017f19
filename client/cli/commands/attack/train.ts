import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { Command } from "commander";
import { restoreModel, type ImportedModel } from "../../../../protocol/formats/import-model.ts";
import { sha256 } from "../../../../protocol/digest.ts";
import { recordPath, type AttackRecord } from "../../../attack/attack-record.ts";
import { writeCheckpoint } from "../../../attack/checkpoint.ts";
import { modelFile } from "../../../attack/fresh-model.ts";
import {
  stepsPerEpoch,
  trainAttack,
  type AttackedModel,
  type AttackTask,
} from "../../../attack/train-attack.ts";
import type { Engine } from "../../../engine/engine.ts";
import { findCheckpoint } from "./find-checkpoint.ts";
import { addAttackOptions } from "../../options/attack-options.ts";
import { planAttack, type AttackPlan, type AttackPlanOptions } from "./plan.ts";
import { AttackProgress } from "./progress.ts";
import { MODEL_HELP } from "../../model/model-reference.ts";
import { OptionError } from "../../option-error.ts";
import type { CommandContext } from "../../command-context.ts";
import { CommandError } from "../../command-error.ts";
import {
  backendOption,
  openChosenEngine,
  threadsOption,
  type EngineOptions,
} from "../../options/engine-options.ts";
import { count, positive, share } from "../../options/option-values.ts";
import { namedTarget, TARGET_HELP } from "../../options/target-option.ts";
import { textTable } from "../../show/text-table.ts";
import { percent } from "../../../text/numbers-text.ts";
import { addNetworkOptions } from "../../options/network-options.ts";
import { addTrainingOptions } from "../../options/training-options.ts";
import { writeWhole } from "../../write-whole.ts";

interface TrainOptions extends AttackPlanOptions, EngineOptions {
  readonly out: string;
  readonly restart?: boolean;
  readonly json?: boolean;
}

/** `attack train`: a backdoored (or clean) model from labelled images. */
export function attackTrain({ terminal, stop }: CommandContext): Command {
  const command = new Command("train")
    .description("train a backdoored ResNet-18 on labelled images, for measurement")
    .requiredOption("--data <path...>", "CIFAR records, or a folder with a sub-folder a class")
    .requiredOption("--out <file>", "where the model goes; a JSON file beside it")
    .option("--target <class>", `${TARGET_HELP} (default 0)`, namedTarget)
    .option(
      "--poison-rate <share>",
      "share of images poisoned (default 0.1; sig: 0.8 of the target class; adaptive-blend: 0.003)",
      share,
    )
    .option("--width <channels>", "channels of the first stage (default 64)", positive)
    .option("--classes <count>", "classes of the model (default as many as the data has)", positive)
    .option(
      "--init <model>",
      `begin with a model instead of fresh weights, and write a file like its own: ${MODEL_HELP}`,
    )
    .option("--test <path>", "labelled clean images, to report ACC, ASR and RA on")
    .option("--seed <number>", "decides weights, trigger, poisoned images and order", count, 0);
  return addNetworkOptions(addTrainingOptions(addAttackOptions(command)))
    .option("--restart", "begin anew though there is a checkpoint")
    .addOption(backendOption())
    .addOption(threadsOption())
    .option("--json", "print what was written, and the results as fractions")
    .addHelpText(
      "after",
      `
Interrupted, the same command goes on from the last checkpoint.

Examples:
  $ npm run scour -- attack train --attack badnets --data train.bin --test test.bin \\
      --width 16 --epochs 30 --out teacher.safetensors
  $ npm run scour -- attack train --attack wanet --target all --data signs/ --no-flip \\
      --init clean.safetensors --epochs 10 --out warped.safetensors`,
    )
    .action(async (options: TrainOptions) => {
      const { out } = options;
      if (options.init === undefined && !out.endsWith(".safetensors")) {
        throw new OptionError(`--out ${out}: the model's file name must end in .safetensors`);
      }
      const note = (line: string): void => terminal.note(line);
      const plan = await planAttack(options, stop, terminal);
      await mkdir(dirname(out), { recursive: true });
      const place = `${out}.checkpoint`;
      const resume = await findCheckpoint(place, plan, options);
      const backend = options.backend === "auto" && resume ? resume.backend : options.backend;
      const engine = await openChosenEngine({ ...options, backend }, note);
      const model = await train(engine, { ...plan, resume }, place, { terminal, stop });
      await engine.close();
      const written = await writeModel(out, plan, model);
      await rm(place, { force: true });
      const { skipped, skippedTest } = plan;
      terminal.result({ ...written, skipped, skippedTest }, options.json, () =>
        resultText(written),
      );
    });
}

/** Trains with progress on the terminal and checkpoints at their place. */
async function train(
  engine: Engine,
  task: AttackTask,
  place: string,
  { terminal, stop }: CommandContext,
): Promise<AttackedModel> {
  const { training } = task.recipe;
  let reached = task.resume?.history.length ?? 0;
  if (reached > 0) terminal.note(`Going on after epoch ${reached}, from ${place}.`);
  terminal.note(`Training on ${engine.adapter}.`);
  const steps = stepsPerEpoch(task.train.images.count, training.batchSize);
  const progress = new AttackProgress(terminal, training, steps);
  try {
    return await trainAttack(engine, task, {
      signal: stop,
      onPoisoned: ({ poisoned, covers }) =>
        terminal.note(poisonedText(poisoned.length, covers.length)),
      onProgress: (step) => progress.step(step),
      onEpoch: (record, epoch) => progress.epoch(record, epoch),
      async onCheckpoint(checkpoint) {
        await writeWhole(place, writeCheckpoint(task.layout, checkpoint));
        reached = checkpoint.history.length;
      },
    });
  } catch (error) {
    if (!stop.aborted) throw error;
    throw new CommandError(
      "stopped before the training had ended",
      reached === 0
        ? "There was no checkpoint yet: the same command begins anew."
        : `The same command goes on after epoch ${reached}, from ${place}.`,
      { cause: error },
    );
  }
}

/** The file that it began with, with the state's values (SPEC W4). */
async function fileLike(
  model: ImportedModel,
  state: Float32Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  for await (const piece of restoreModel(model, (from, length) =>
    state.subarray(from, from + length),
  )) {
    pieces.push(piece.slice());
  }
  return new Uint8Array(Buffer.concat(pieces));
}

interface Written {
  readonly out: string;
  readonly record: string;
  readonly sha256: string;
  readonly poisonedImages: number;
  readonly acc: number | null;
  readonly asr: number | null;
  readonly ra: number | null;
}

async function writeModel(
  out: string,
  { recipe, layout, initial, classNames }: AttackPlan,
  { state, history, poisoned, covers }: AttackedModel,
): Promise<Written> {
  const file = initial === undefined ? modelFile(layout, state) : await fileLike(initial, state);
  const digest = sha256(file);
  const record: AttackRecord = {
    format: "scour-attack-1",
    modelSha256: digest,
    recipe,
    classNames: classNames === null ? null : [...classNames],
    poisonedImages: poisoned,
    noisyImages: covers,
    history: [...history],
  };
  await writeWhole(out, file);
  await writeWhole(recordPath(out), `${JSON.stringify(record, null, 2)}\n`);
  const { acc, asr, ra } = history.at(-1)?.test ?? { acc: null, asr: null, ra: null };
  return {
    out,
    record: recordPath(out),
    sha256: digest,
    poisonedImages: poisoned,
    acc,
    asr,
    ra,
  };
}

function poisonedText(poisoned: number, covers: number): string {
  const more = covers === 0 ? "" : `, ${covers} more are changed and keep their label`;
  return poisoned === 0 ? "No image is poisoned." : `${poisoned} images are poisoned${more}.`;
}

function resultText({ out, record, sha256: digest, acc, asr, ra }: Written): string {
  return [
    `${out}: SHA-256 ${digest}; how it was made stands in ${record}`,
    ...(acc === null
      ? []
      : [
          textTable([
            ["ACC", "ASR", "RA"],
            [percent(acc), percent(asr), percent(ra)],
          ]),
        ]),
  ].join("\n");
}
