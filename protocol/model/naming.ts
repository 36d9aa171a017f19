/**
 * How the files of one origin name an architecture's tensors: what is replaced in the architecture's
 * own name, in order. A prefix replaces `/^/`.
 *
 * @example
 * { origin: "torchvision", rewrites: [[/\.shortcut\./, ".downsample."]] }
 */
export interface Naming {
  /** Whose files are named so, for messages. */
  readonly origin: string;
  readonly rewrites: readonly (readonly [ours: RegExp, theirs: string])[];
}

/** The name that a tensor of the architecture has in the file. */
export function nameInFile({ rewrites }: Naming, name: string): string {
  return rewrites.reduce((given, [ours, theirs]) => given.replace(ours, theirs), name);
}
