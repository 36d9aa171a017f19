import { ProtocolError } from "../errors.ts";
import type { Graph } from "./graph.ts";
import type { NamedTensor } from "./named-tensor.ts";
import type { NetworkSettings } from "./network-settings.ts";
import { recognise, type RecognisedModel } from "./recognise.ts";

/** Another network of the same tensors, with the same state vector. */
export interface Reading {
  /** The answer by which it differs. */
  readonly says: NetworkSettings;
  readonly graph: Graph;
}

/**
 * What a file's tensors may be besides what they were taken for: to be tried on images (SPEC F1.5). What a
 * norm adds to variances is as usual for the reading: it follows from other answers.
 *
 * @param model as it was recognised from these tensors
 */
export function otherReadings(
  tensors: readonly NamedTensor[],
  { network, others }: Pick<RecognisedModel, "network" | "others">,
): Reading[] {
  const { epsilon: _, prefix: __, ...answers } = network;
  return others.flatMap((says) => {
    try {
      return [{ says, graph: recognise(tensors, { ...answers, ...says }).graph }];
    } catch (error) {
      // Not every answer goes with every other one, nor every size with the head.
      if (error instanceof ProtocolError) return [];
      throw error;
    }
  });
}
