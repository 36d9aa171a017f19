import { CommandError } from "./command-error.ts";

/** A misuse of options: printed with exit code 2. */
export class OptionError extends CommandError {}
