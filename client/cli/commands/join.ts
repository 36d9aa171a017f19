import { Command } from "commander";
import { measuringGap, participantGap } from "../../../protocol/round/evidence.ts";
import type { ImageProgress } from "../../images/image-set-builder.ts";
import { closeImages, type ImageSet } from "../../images/image-set.ts";
import { storeImages } from "../../images/load-node.ts";
import { summariseSkipped, type SkippedSummary } from "../../images/skipped.ts";
import { samplePictures } from "../../images/sample-pictures.ts";
import { engineTrainers } from "../../participant/open-engine-trainer.ts";
import { Participant } from "../../participant/participant.ts";
import { ParticipantError } from "../../participant/participant-error.ts";
import type { ParticipantStatus } from "../../participant/status.ts";
import { privacyLines } from "../../text/privacy-text.ts";
import { CommandError } from "../command-error.ts";
import type { CommandContext } from "../command-context.ts";
import { confirm } from "../confirm.ts";
import {
  backendOption,
  openChosenEngine,
  precisionOption,
  threadsOption,
  type EngineOptions,
} from "../options/engine-options.ts";
import { identityFile } from "../identity-file.ts";
import { voucherOf } from "../organisation-key.ts";
import { writeWhole } from "../write-whole.ts";
import { positive } from "../options/option-values.ts";
import { statusText, totalsText } from "../show/participant-progress.ts";
import { skippedLines } from "../show/skipped-text.ts";
import type { Terminal } from "../show/terminal.ts";

interface JoinOptions extends EngineOptions {
  readonly images: string;
  readonly label?: string;
  readonly identity?: string;
  readonly organisationKey?: string;
  readonly anyImages?: boolean;
  readonly receipt?: string;
  readonly result?: string;
  readonly maxRounds?: number;
  readonly json?: boolean;
}

/** `join`: a participant without a browser. */
export function joinCommand({ terminal, stop }: CommandContext): Command {
  return new Command("join")
    .description("take part in a campaign with the images on this machine")
    .argument("<invite-url>", "the link that the campaign's organiser gave")
    .requiredOption(
      "--images <path>",
      "folder, zip or tar of pictures, or a data set; labels are not read",
    )
    .addOption(backendOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .option("--label <text>", "what the organiser sees in the list")
    .option("--identity <file>", "where to keep who we are, to come back as the same participant")
    .option(
      "--organisation-key <file>",
      "our organisation's key, which vouches for us in a private campaign (`scour organisation`)",
    )
    .option(
      "--any-images",
      "contribute even if the images do not look like what the model was trained on",
    )
    .option("--receipt <file>", "at the campaign's end, write what we gave to it as JSON")
    .option("--result <file>", "at its end, write the cleansed model, if the organiser shares it")
    .option("--max-rounds <count>", "leave after so many updates", positive)
    .option("--json", "at the end, print what was given as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ npm run scour -- join 'http://127.0.0.1:8787/join/c-…#…' --images my-pictures/",
    )
    .action(async (invite: string, options: JoinOptions) => {
      const voucher =
        options.organisationKey === undefined
          ? undefined
          : await voucherOf(options.organisationKey);
      const engine = await openChosenEngine(options, (line) => terminal.note(line));
      let images: ImageSet | undefined;
      let skipped: SkippedSummary | undefined;
      const training = engineTrainers({
        engine,
        images: async (preparation) => {
          const stored = await storeImages(options.images, preparation, {
            signal: stop,
            onProgress: importProgress(terminal),
          });
          images = stored;
          skipped = summariseSkipped(stored.skipped);
          terminal.note(`${stored.count} images from ${options.images}`);
          for (const line of skippedLines(skipped, options.images)) terminal.note(line);
          return stored;
        },
        sample: (preparation, count) => samplePictures(options.images, preparation, count),
      });
      const participant = new Participant({
        invite,
        training: {
          ...training,
          open: (campaign) => {
            const { config, pooledStatistics } = campaign;
            const count = images?.count ?? 0;
            const unmeasured = measuringGap(count, config, pooledStatistics);
            if (unmeasured !== undefined) terminal.note(`Waiting: ${unmeasured}.`);
            const gap = participantGap(count, config.judging);
            if (gap !== undefined) terminal.note(`Evidence: ${gap}.`);
            const { privacy } = campaign.config;
            if (privacy !== undefined) {
              const { origin } = new URL(invite);
              for (const line of privacyLines(privacy, origin)) terminal.note(line);
            }
            return training.open(campaign);
          },
        },
        onMisfit: async ({ detail }) => {
          if (options.anyImages === true) {
            terminal.note(
              `These images do not look like what this model was trained on: ${detail}.`,
            );
            return "go-on";
          }
          return (await confirm("Contribute with them anyway?", stop)) ? "go-on" : "leave";
        },
        ...(options.label === undefined ? {} : { label: options.label }),
        ...(voucher === undefined ? {} : { voucher }),
        ports: options.identity === undefined ? {} : { identities: identityFile(options.identity) },
      });
      terminal.note(`Training on ${engine.adapter}.`);
      stop.addEventListener("abort", () => participant.stop(), { once: true });
      if (stop.aborted) participant.stop();
      showProgress(participant, terminal);
      const { maxRounds } = options;
      if (maxRounds !== undefined) {
        participant.subscribe((_, totals) => {
          if (totals.contributed >= maxRounds) participant.finishRound();
        });
      }
      const last = await participant
        .run()
        .catch((error: unknown) => {
          throw withAdvice(error);
        })
        .finally(() => images && closeImages(images));
      if (last.kind === "finished") await keepWhatIsLeft(participant, options, terminal);
      const { totals } = participant;
      terminal.result(
        { status: last.kind, ...totals, skipped },
        options.json,
        () => `${capitalised(statusText(last))}. ${totalsText(totals)}.`,
      );
    });
}

/** A line on a terminal that says how many images there are so far; elsewhere nothing. */
function importProgress(terminal: Terminal): (progress: ImageProgress) => void {
  let told = 0;
  return ({ images, skipped }) => {
    if (!terminal.live || images < told + TOLD_EVERY) return;
    told = images;
    terminal.redraw([`reading images: ${images}${skipped === 0 ? "" : `, ${skipped} skipped`}`]);
  };
}

const TOLD_EVERY = 100;

/** What can be done about images that do not fit is done by an option here. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof ParticipantError) || error.code !== "images-do-not-fit") return error;
  return new CommandError(
    error.message,
    "Give other images, or --any-images to contribute with these all the same. If others see this too, the organiser should check what the campaign says of the model: --mean and --std, and flags such as --stem-pool.",
  );
}

/** Receipt and result can be had for some time after the end; whoever asked for them gets them now. */
async function keepWhatIsLeft(
  participant: Participant,
  { receipt, result }: JoinOptions,
  terminal: Terminal,
): Promise<void> {
  if (receipt !== undefined) {
    const given = await participant.receipt();
    await writeWhole(receipt, `${JSON.stringify(given, null, 2)}\n`);
    const counted = given.commits.filter((commit) => commit.counted).length;
    terminal.note(`${counted} of our ${given.commits.length} commits counted: ${receipt}.`);
  }
  if (result === undefined) return;
  const { body } = await participant.result();
  if (body === null) throw new CommandError("the cleansed model came without a body");
  await writeWhole(result, body);
  terminal.note(`The cleansed model: ${result}.`);
}

/** On a terminal one line that changes; elsewhere a line whenever something else begins. */
function showProgress(participant: Participant, terminal: Terminal): void {
  let phase = "";
  participant.subscribe((status) => {
    if (status.kind === "finished" || status.kind === "stopped" || status.kind === "failed") return;
    if (terminal.live && status.kind !== "asking") {
      terminal.redraw([statusText(status)]);
      return;
    }
    const next = phaseOf(status);
    if (next !== phase) terminal.note(statusText(status));
    phase = next;
  });
}

function phaseOf(status: ParticipantStatus): string {
  switch (status.kind) {
    case "training":
      return `training ${status.round} ${status.attempt} ${status.step === status.localSteps}`;
    case "judging":
    case "trying":
      return `${status.kind} ${status.round} ${status.attempt}`;
    case "uploading":
      return `uploading ${status.round}`;
    case "waiting":
      return `waiting ${status.reason} ${status.round}`;
    case "downloading":
      return `downloading ${status.what}`;
    default:
      return status.kind;
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
