import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseRecord, recordPath } from "../../../client/attack/attack-record.ts";
import { CommandError } from "../../../client/cli/command-error.ts";
import type { CaseSpec } from "./plan.ts";

/** Images that several attacked models share. */
export interface SharedImages {
  readonly pool: string;
  readonly test: string;
}

/**
 * Cases from models that `attack train` made: preprocessing, flips, target and trigger are what the
 * record beside each file says, and the test images are stamped with it.
 *
 * @param paths model files, or folders of them.
 * @throws CommandError when a path is not there or a model has no record.
 * @throws AttackError when a record is none.
 */
export async function attackedModels(
  paths: readonly string[],
  { pool, test }: SharedImages,
): Promise<readonly CaseSpec[]> {
  const files = (await Promise.all(paths.map(modelsAt))).flat();
  const names = files.map((file) => basename(file, ".safetensors"));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new CommandError(
      `--models: two files are called ${twice}, tables could not tell them apart`,
      "Rename one, or name the cases in a --plan.",
    );
  }
  return await Promise.all(
    files.map(async (model): Promise<CaseSpec> => {
      const place = recordPath(model);
      const text = await readFile(place, "utf8").catch((cause: unknown) => {
        throw new CommandError(
          `${model} has no record ${place} of its attack, so its trigger is not known`,
          "Name models that `scour attack train` made, or describe the case in a --plan.",
          { cause },
        );
      });
      const record = parseRecord(text, place);
      const { attack, preprocessing, training } = record.recipe;
      return {
        name: basename(model, ".safetensors"),
        model,
        pool,
        test,
        stamp: attack.kind === "clean" ? { kind: "none" } : { kind: "record", record },
        network: {},
        preprocessing: { mean: [...preprocessing.mean], std: [...preprocessing.std] },
        flip: training.horizontalFlip,
      };
    }),
  );
}

async function modelsAt(path: string): Promise<string[]> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new CommandError(`--models ${path}: there is no such file or folder`, undefined, {
      cause,
    });
  });
  if (!found.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(".safetensors")).sort();
  if (names.length === 0) {
    throw new CommandError(`--models ${path}: there is no .safetensors file in this folder`);
  }
  return names.map((name) => join(path, name));
}
