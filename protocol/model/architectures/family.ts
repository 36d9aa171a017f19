import type { Graph } from "../graph.ts";

/** A family of architectures that differ only in sizes which tensor shapes tell. */
export interface Family {
  readonly title: string;
  /**
   * The member that these tensors suggest; sizes they do not tell are taken as given here.
   *
   * @param shapeOf shape of a tensor by the architecture's own name, if there is one
   */
  suggest(shapeOf: (name: string) => readonly number[] | undefined): Graph;
  /** What to say of a shape that is typical for a look-alike from elsewhere. */
  hint(name: string, shape: readonly number[]): string | undefined;
}
