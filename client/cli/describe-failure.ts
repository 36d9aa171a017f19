import { AttackError } from "../attack/attack-error.ts";
import { AdminError } from "../admin/admin-error.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { EngineError } from "../engine/engine-error.ts";
import { ImageError } from "../images/image-error.ts";
import { ParticipantError } from "../participant/participant-error.ts";
import { CommandError } from "./command-error.ts";

/**
 * What to print for a failure: one clear message and, where there is one, the advice. Only what
 * nobody foresaw keeps its stack.
 */
export function describeFailure(error: unknown): readonly string[] {
  if (error instanceof CommandError || error instanceof AdminError) {
    return error.advice === undefined
      ? [`error: ${error.message}`]
      : [`error: ${error.message}`, error.advice];
  }
  if (
    error instanceof AttackError ||
    error instanceof ProtocolError ||
    error instanceof EngineError ||
    error instanceof ImageError ||
    error instanceof ParticipantError
  ) {
    return [`error: ${error.message}`];
  }
  if (error instanceof Error && isSystemError(error)) return [`error: ${error.message}`];
  return [
    `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    "This is a fault in Scour; please report it with the lines above.",
  ];
}

/** Failures of the file system and the network, whose message names file or address. */
function isSystemError(error: Error): boolean {
  return "syscall" in error && "code" in error;
}
