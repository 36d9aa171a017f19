import { ProtocolError } from "../../errors.ts";
import type { NetworkSettings } from "../../model/network-settings.ts";
import { withInputNormalisation } from "../input-normalisation.ts";
import type { ModelFile, TensorSet } from "../model-file.ts";
import { chooseSet } from "./choose-set.ts";
import { setsByPrefix, tensorsAround } from "./sets-by-prefix.ts";

/**
 * The network that is meant of those that a file holds, with what it says of its preprocessing (SPEC G5):
 * first among what the file keeps apart, then among what stands under prefixes in one list of names.
 *
 * @param network what was said; the file's own answers stand in for those left out
 * @throws ProtocolError `malformed-request` where several are that differ, or there is none of the name;
 *   `malformed-model` when the file does not hold what it says.
 */
export async function chosenNetwork(file: ModelFile, network: NetworkSettings): Promise<ModelFile> {
  const { prefix: given, standInNorms: _, ...said } = network;
  const answers = { ...file.network, ...said };
  const wanted = given === undefined || given.endsWith(".") ? given : `${given}.`;
  const { sets = [] } = file;
  const apart = wanted === undefined ? undefined : longestBefore(wanted, sets);
  const outer =
    sets.length === 0
      ? undefined
      : await chooseSet(sets, {
          answers,
          prefix: apart ?? wanted,
          storedOnce: (name, one, other) =>
            file.storedOnce?.(one.prefix + name, other.prefix + name) ?? false,
        });
  const taken = outer ?? file;
  const rest = wanted?.slice(apart?.length ?? 0);
  const named = rest === "" ? undefined : rest;
  const inner = setsByPrefix(taken, named);
  if (named !== undefined && inner.length === 0) {
    throw new ProtocolError(
      "malformed-request",
      `network.prefix is '${given}', and it is not true of the file that some names begin so and others not: leave it out`,
    );
  }
  const chosen = await chooseSet(inner, {
    answers,
    prefix: named,
    storedOnce: (name, one, other) =>
      taken.storedOnce?.(one.prefix + name, other.prefix + name) ?? false,
  });
  if (chosen === undefined) return await withInputNormalisation(taken);
  const around = { ...taken, tensors: tensorsAround(taken.tensors, inner) };
  const seen = await withInputNormalisation(chosen, around);
  return { ...seen, prefix: `${outer?.prefix ?? ""}${chosen.prefix ?? ""}` };
}

/** The longest prefix of a set that what was named begins with. */
function longestBefore(wanted: string, sets: readonly TensorSet[]): string | undefined {
  return sets
    .map(({ prefix }) => prefix)
    .filter((prefix) => wanted.startsWith(prefix))
    .toSorted((a, b) => b.length - a.length)[0];
}
