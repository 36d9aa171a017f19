import { basename } from "node:path";
import { Command } from "commander";
import { SOURCE_CHARACTERS } from "../../../../protocol/round/identifiers.ts";
import { cutText } from "../../../../protocol/text.ts";
import { campaignConfigSchema } from "../../../../protocol/round/campaign-config.ts";
import { addCampaignOptions, campaignConfig } from "../../options/campaign-options.ts";
import type { CommandContext } from "../../command-context.ts";
import { addAccessOptions, openAdminClient, type AccessOptions } from "../../coordinator-access.ts";
import { networkOf } from "../../options/network-options.ts";
import { howSeen } from "../../how-seen.ts";
import { assumptionsText, openModelUpload } from "../../model-file.ts";
import { locateModel } from "../../model/locate-model.ts";
import { MODEL_HELP } from "../../model/model-reference.ts";
import { TransferProgress } from "../../show/transfer-progress.ts";
import { preprocessingText } from "../../show/preprocessing-text.ts";
import { withUsualStandIns } from "../../../../protocol/round/usual-stand-ins.ts";
import { standInsText } from "../../stand-ins.ts";
import { bytesText } from "../../../text/numbers-text.ts";

interface CreateOptions extends AccessOptions {
  readonly model: string;
  readonly start?: boolean;
  readonly json?: boolean;
}

/** `campaign create`: uploads the suspicious model and sets its cleansing up. */
export function campaignCreate({ stop, terminal }: CommandContext): Command {
  const command = new Command("create")
    .description("upload a model and set up its cleansing")
    .requiredOption("--model <model>", `the suspicious model: ${MODEL_HELP}`);
  addAccessOptions(addCampaignOptions(command));
  return command
    .option("--start", "start it at once")
    .option("--json", "print id and state as JSON")
    .addHelpText(
      "after",
      `
Example:
  $ npm run scour -- campaign create --model teacher.safetensors --name "street signs" --goal 6 \\
      --mean .4914,.4822,.4465 --std .2470,.2435,.2616 --no-flip`,
    )
    .action(async (options: CreateOptions) => {
      // Before the upload: wrong options should not cost one. The digest is filled in below.
      const asked = campaignConfigSchema.parse(campaignConfig(options, "0".repeat(64)));
      const located = await locateModel(options.model, { terminal, signal: stop });
      const upload = await openModelUpload(located.path, networkOf(options));
      const assumptions = assumptionsText(upload.model);
      if (assumptions !== undefined) terminal.note(assumptions);
      const standIns = standInsText(withUsualStandIns(upload.model, asked));
      if (standIns !== undefined) terminal.note(standIns);
      const { preprocessing } = howSeen(upload.model, asked.preprocessing);
      terminal.note(`It sees ${preprocessingText(upload.model.graph.inputShape, preprocessing)}.`);
      terminal.note(
        "Where it was trained otherwise, say so: --help, 'What the model was trained with'.",
      );
      const admin = openAdminClient(options, terminal);
      const { size } = upload.body;
      terminal.note(`Uploading ${located.source} (${bytesText(size)}, SHA-256 ${upload.digest}) …`);
      const progress = new TransferProgress(terminal, "Uploading");
      await admin.uploadModel(upload, {
        signal: stop,
        onProgress: (sent) => progress.update(sent, size),
      });
      const created = await admin.createCampaign({
        ...campaignConfig(options, upload.digest),
        source: sourceText(located.source),
      });
      const campaign = options.start === true ? await admin.act(created.id, "start") : created;
      const { evidenceGap, id, state } = campaign;
      if (evidenceGap !== null) terminal.note(`evidence: ${evidenceGap}`);
      terminal.result({ id, state }, options.json, () =>
        [
          `Campaign ${id} (${campaign.name}) is ${state}: ${campaign.model.architecture}, ${campaign.model.classes} classes, ${campaign.rounds} rounds.`,
          ``,
          `Next:`,
          `  npm run scour -- invite ${id} --count 4`,
          ...(state === "ready" ? [`  npm run scour -- campaign start ${id}`] : []),
          `  npm run scour -- watch ${id}`,
        ].join("\n"),
      );
    });
}

/** Of a path its last part alone: folders of this machine are nobody's business. */
function sourceText(source: string): string {
  const isAddress = /^(?:https?|hf):/.test(source);
  return cutText(isAddress ? source : basename(source), SOURCE_CHARACTERS);
}
