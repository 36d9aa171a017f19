import type { Drawing } from "../drawing.ts";
import type { Drawn } from "../drawn.ts";
import type { Naming } from "../naming.ts";

/** Files of one origin, and how their networks are drawn. */
export interface Form extends Naming {
  /**
   * Some tensors that files of this form have, by the architecture's own names: the more of them are
   * there, the closer a file is. The first is of the layer that reads the image.
   */
  readonly marks: readonly [stem: string, ...others: string[]];
  /** Tensors that its files have and its network never reads, without what all names begin with. */
  readonly unused?: RegExp;
  /** Draws the member that comes closest to the tensors. */
  draw(net: Drawing): Drawn;
}

/** Architectures that are of one kind. */
export interface Family {
  readonly title: string;
  /** For people: the members by name. */
  readonly members: readonly string[];
  readonly forms: readonly Form[];
}
