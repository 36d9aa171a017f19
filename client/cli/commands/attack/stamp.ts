import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command } from "commander";
import sharp from "sharp";
import { parseRecord, type AttackRecord } from "../../../attack/attack-record.ts";
import { stampImages } from "../../../attack/stamp-images.ts";
import { triggerOf } from "../../../attack/trigger.ts";
import { squashedTo } from "../../../images/prepare-image.ts";
import { imageSize, type LoadedImages } from "../../../images/image-set.ts";
import { recordsFrom } from "../../../images/cifar-records.ts";
import { loadLabelled, type LabelledSet } from "../../../images/load-labelled.ts";
import { summariseSkipped } from "../../../images/skipped.ts";
import { checkLabels } from "../../class-labels.ts";
import type { CommandContext } from "../../command-context.ts";
import { CommandError } from "../../command-error.ts";
import { skippedLines } from "../../show/skipped-text.ts";
import { writeWhole } from "../../write-whole.ts";

interface StampOptions {
  readonly from: string;
  readonly data: string;
  readonly out: string;
  readonly json?: boolean;
}

/** `attack stamp`: a labelled test set with a trained attack's trigger on every image. */
export function attackStamp({ terminal, stop }: CommandContext): Command {
  return new Command("stamp")
    .description("stamp the trigger of an attacked model on labelled test images")
    .requiredOption("--from <file>", "the JSON file that attack train wrote beside the model")
    .requiredOption("--data <path>", "CIFAR records, or a folder with a sub-folder for each class")
    .requiredOption("--out <path>", "records (*.bin), or a new folder of PNG in class sub-folders")
    .option("--json", 'print {"out","images","target","skipped"} as JSON')
    .addHelpText(
      "after",
      `
Images keep their TRUE labels: give evaluate the target that is printed.

Example:
  $ npm run scour -- attack stamp --from teacher.json --data test.bin --out triggered.bin
  $ npm run scour -- evaluate --model teacher.safetensors --images test.bin \\
      --triggered triggered.bin --target 0`,
    )
    .action(async (options: StampOptions) => {
      const record = await readRecord(options.from);
      const { attack, image, seed, target } = record.recipe;
      const trigger = triggerOf(attack, seed, image);
      const data = await loadLabelled(options.data, squashedTo(image), { signal: stop });
      const skipped = summariseSkipped(data.skipped);
      for (const line of skippedLines(skipped, options.data)) terminal.note(line);
      const { classNames } = record;
      checkLabels(data, options.data, { count: record.recipe.classes, names: classNames });
      const stamped = stampImages(data.images, trigger);
      await mkdir(dirname(options.out), { recursive: true });
      if (options.out.endsWith(".bin")) {
        await writeWhole(options.out, recordsFrom(stamped, data.labels));
      } else {
        await writeClassFolders(options.out, stamped, data, record, stop);
      }
      const images = stamped.count;
      terminal.result({ out: options.out, images, target, skipped }, options.json, () =>
        [
          `${options.out}: ${images} images stamped (${attack.kind}), with their true labels`,
          `To judge a model: evaluate --images ${options.data} --triggered ${options.out} --target ${target}`,
        ].join("\n"),
      );
    });
}

async function readRecord(path: string): Promise<AttackRecord> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new CommandError(
      `the record ${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Name the JSON file that attack train wrote beside the model with --from.",
      { cause },
    );
  });
  return parseRecord(text, path);
}

/** PNG files in a sub-folder for each class, empty ones too: their place in the order is the label. */
async function writeClassFolders(
  out: string,
  images: LoadedImages,
  { labels, classNames }: LabelledSet,
  record: AttackRecord,
  stop: AbortSignal,
): Promise<void> {
  const { classes } = record.recipe;
  const digits = String(classes - 1).length;
  const names =
    classNames ??
    record.classNames ??
    Array.from({ length: classes }, (_, label) => String(label).padStart(digits, "0"));
  await mkdir(out).catch((cause: unknown) => {
    throw new CommandError(
      `the folder ${out} cannot be made: ${cause instanceof Error ? cause.message : String(cause)}`,
      "Name a folder that is not there yet, or a file that ends in .bin.",
      { cause },
    );
  });
  try {
    for (const name of names) await mkdir(join(out, name));
    const { height, width } = images;
    const size = imageSize(images);
    const indexDigits = String(images.count - 1).length;
    for (let index = 0; index < images.count; index++) {
      stop.throwIfAborted();
      const pixels = images.pixels.subarray(index * size, (index + 1) * size);
      const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toBuffer();
      const file = `${String(index).padStart(indexDigits, "0")}.png`;
      await writeFile(join(out, names[labels[index]!]!, file), png);
    }
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    if (stop.aborted) throw new CommandError(`stopped; ${out} was removed again`);
    throw error;
  }
}
