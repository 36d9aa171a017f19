import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import type { AdminClient } from "../../../admin/admin-client.ts";
import type { CampaignReport } from "../../../../protocol/round/reports.ts";
import { cleansedName } from "../../model/cleansed-name.ts";
import { OptionError } from "../../option-error.ts";
import type { CommandContext } from "../../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../../coordinator-access.ts";
import { CommandError } from "../../command-error.ts";
import { isBundle, unpackBundle } from "../../model/unpack-bundle.ts";
import { count } from "../../options/option-values.ts";
import { EXIT_CODES_TEXT, requireAccepted, whyText } from "../../show/verdict-text.ts";
import { bytesText } from "../../../text/numbers-text.ts";

export const FLOAT32_HELP =
  "write weights of a TensorFlow.js model as float32 that are quantised or float16 in its file";

interface ExportOptions extends AccessOptions {
  readonly out?: string;
  readonly force?: boolean;
  readonly round?: number;
  readonly accept?: boolean;
  readonly float32?: boolean;
  readonly json?: boolean;
}

export interface ExportedFile {
  readonly out: string;
  readonly bytes: number;
  /** SHA-256 in lower-case hexadecimal. */
  readonly digest: string;
}

/** `campaign export`: the student as a file of the format the teacher came in. */
export function campaignExport({ terminal }: CommandContext): Command {
  return addAccessOptions(new Command("export"))
    .description("write a campaign's model to a file")
    .argument("<campaign>", "the campaign's id")
    .option(
      "--out <file>",
      "file to write; of a model of several files the folder, or a .zip (default: the source's name with -cleansed, for attack_result.pt defense_result.pt)",
    )
    .option("--force", "write over a file that is there already")
    .option(
      "--round <round>",
      "the model after so many committed rounds (default all, or those of the last good student)",
      count,
    )
    .option("--accept", "write it although the verdict is not `cleansed`, or not there yet")
    .option("--float32", FLOAT32_HELP)
    .option("--json", "print file, size and digest as JSON")
    .addHelpText(
      "after",
      `\nWithout --accept only a model whose verdict is \`cleansed\` is written. ${EXIT_CODES_TEXT}` +
        "\n\nExample:\n  $ npm run scour -- campaign export c-… --out cleansed.safetensors",
    )
    .action(async (campaign: string, options: ExportOptions) => {
      const admin = openAdminClient(options, terminal);
      const report = await admin.campaign(campaign);
      // The verdict is of the last model: nobody judged those of other rounds.
      const judged = options.round === undefined ? report : { verdict: null };
      requireAccepted(judged, options.accept === true);
      const out = options.out ?? usualName(report);
      if (options.force !== true) await requireNothingThere(out);
      const written = await exportModel(admin, campaign, out, {
        ...(options.round !== undefined && { round: options.round }),
        isFloat32: options.float32 === true,
      });
      terminal.result(
        written,
        options.json,
        () => `${written.out}: ${bytesText(written.bytes)}, SHA-256 ${written.digest}`,
      );
      const { verdict } = judged;
      if (verdict !== null) terminal.note(`verdict: ${verdict.verdict}. ${whyText(verdict)}`);
    });
}

function usualName({ config, id }: CampaignReport): string {
  const name = config.source === undefined ? undefined : cleansedName(config.source);
  if (name !== undefined) return name;
  throw new OptionError(
    `--out: nothing tells what the model of ${id} was called`,
    "Name the file to write.",
  );
}

async function requireNothingThere(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  throw new CommandError(
    `${out} is there already`,
    "Name another file with --out, or write over a file with --force.",
  );
}

/**
 * Streams a campaign's model to a file, which is there whole or not at all. One of several files becomes the
 * folder that it was, unless a `.zip` is asked for.
 */
export async function exportModel(
  admin: AdminClient,
  campaign: string,
  out: string,
  { isFloat32 = false, round }: { readonly round?: number; readonly isFloat32?: boolean } = {},
): Promise<ExportedFile> {
  await requireNoFolder(out);
  const hash = createHash("sha256");
  let bytes = 0;
  const body = await admin.export(campaign, round, isFloat32);
  const partial = `${out}.partial`;
  try {
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          bytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(partial),
    );
    if (!out.toLowerCase().endsWith(".zip") && (await isBundle(partial))) {
      await unpackBundle(partial, out);
    } else await rename(partial, out);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  return { out, bytes, digest: hash.digest("hex") };
}

/** Before anything is fetched: a folder is made anew or not at all. */
async function requireNoFolder(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found?.isDirectory() !== true) return;
  throw new CommandError(
    `${out} is a folder that is there already`,
    "Name a file, or a folder that is not there, with --out.",
  );
}
