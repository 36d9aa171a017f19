import { Command } from "commander";
import type { CommandContext } from "../../command-context.ts";
import { attackStamp } from "./stamp.ts";
import { attackTrain } from "./train.ts";

/** `attack`: backdoored models and stamped images, to measure cleansing with. */
export function attackCommand(context: CommandContext): Command {
  return new Command("attack")
    .description("make backdoored models and stamped images, to measure cleansing with")
    .addCommand(attackTrain(context))
    .addCommand(attackStamp(context))
    .addHelpText(
      "after",
      "\nExample:\n  $ npm run scour -- attack train --help\n  $ npm run scour -- attack stamp --help",
    );
}
