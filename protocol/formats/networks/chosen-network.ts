import { ProtocolError } from "../../errors.ts";
import { LONGEST_PREFIX, type NetworkSettings } from "../../model/network-settings.ts";
import { withInputNormalisation } from "../input-normalisation.ts";
import { quoted } from "../listed.ts";
import type { ModelFile, TensorSet } from "../model-file.ts";
import { networkAnswers } from "../network-answers.ts";
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
  const { prefix: given } = network;
  if (file.graph !== undefined) {
    if (given === undefined || given === null) return file;
    throw new ProtocolError(
      "malformed-request",
      `network.prefix is '${given}', and the file says itself how its one network goes: leave it out`,
    );
  }
  // What was taken before several were compared.
  if (given === null) return await withInputNormalisation(file);
  const answers = networkAnswers(file, network);
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
      `network.prefix is '${given}', but no part of the file stands apart from the rest by beginning so: it holds one network, or several by other names; leave it out to see`,
    );
  }
  const chosen = await chooseSet(inner, {
    answers,
    prefix: named,
    storedOnce: (name, one, other) =>
      taken.storedOnce?.(one.prefix + name, other.prefix + name) ?? false,
  });
  const prefix = `${taken.prefix ?? ""}${chosen?.prefix ?? ""}`;
  if (prefix.length > LONGEST_PREFIX) throw prefixTooLong(prefix);
  if (chosen === undefined) return await withInputNormalisation(taken);
  const around = { ...taken, tensors: tensorsAround(taken.tensors, inner) };
  const seen = await withInputNormalisation(chosen, around);
  return { ...seen, prefix };
}

function prefixTooLong(prefix: string): ProtocolError {
  return new ProtocolError(
    "unsupported-model",
    `${prefix.length} characters stand before the names of the network, a campaign says at most ${LONGEST_PREFIX} of them (${quoted(prefix)}…): save it under a shorter key`,
  );
}

/** The longest prefix of a set that what was named begins with. */
function longestBefore(wanted: string, sets: readonly TensorSet[]): string | undefined {
  return sets
    .map(({ prefix }) => prefix)
    .filter((prefix) => wanted.startsWith(prefix))
    .toSorted((a, b) => b.length - a.length)[0];
}
