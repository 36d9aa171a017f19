import type { ProtocolError } from "../errors.ts";
import type { Graph } from "./graph.ts";
import type { NetworkQuestion, NetworkSettings } from "./network-settings.ts";
import type { PreprocessingDefaults } from "./preprocessing-defaults.ts";

/** What is drawn from a file's tensors. */
export interface Drawn {
  /** Its parameters have the file's names and the shapes that the tensors ought to have. */
  readonly graph: Graph;
  /** Every question that the family asks, answered. */
  readonly network: NetworkSettings;
  /** Those of them that nobody answered: what is usual holds. */
  readonly assumed: readonly NetworkQuestion[];
  /** Other answers, to one question each, that the same tensors may need: images may tell. */
  readonly others: readonly NetworkSettings[];
  /** What was seen of it, where no member of the family is so: a clause. */
  readonly seen: string | undefined;
  /** How it is trained to see pictures, as a rule. */
  readonly preprocessing: PreprocessingDefaults;
  /** Whether files of its form are known to be trained with different means and stds: none is usual. */
  readonly asksPixels: boolean;
  /** Why the network cannot be taken though its tensors may fit. */
  readonly problem: ProtocolError | undefined;
}
