import { ProtocolError } from "../../errors.ts";
import { isAside } from "../../model/compare-tensors.ts";
import type { Graph } from "../../model/graph.ts";
import type { NetworkAnswers } from "../../model/network-settings.ts";
import { networkOf } from "../../model/recognise.ts";
import { sizeOf } from "../../model/values.ts";
import type { Finding } from "../finding.ts";
import { withoutNormalisation } from "../input-normalisation.ts";
import { listed, quoted } from "../listed.ts";
import type { ModelFile, TensorSet } from "../model-file.ts";
import { CompareBudget, haveSameTensors, haveSameValues } from "./same-values.ts";
import { networkPrefixes, tensorsUnder } from "./sets-by-prefix.ts";
import { takenFrom } from "./taken-from.ts";

/** What is to be told of which set. */
export interface Choice {
  /** What was named, or nothing for whichever is the classifier. */
  readonly prefix: string | undefined;
  readonly answers: NetworkAnswers;
  /** Whether both sets keep the tensor of this name once. */
  readonly storedOnce: (name: string, one: TensorSet, other: TensorSet) => boolean;
}

/**
 * The set that is meant by itself (SPEC G5): the one that was named, or the only one that is a classifier,
 * averages and copies of earlier apart. What is a copy of it, byte for byte, comes out as it does.
 *
 * @returns undefined where no set is a network that is known
 * @throws ProtocolError `malformed-request` where several are that differ, or there is none of the name.
 */
export async function chooseSet(
  sets: readonly TensorSet[],
  { answers, prefix, storedOnce }: Choice,
): Promise<ModelFile | undefined> {
  if (prefix !== undefined && sets.length > 0) {
    const named = sets.find((set) => set.prefix === prefix);
    if (named !== undefined) {
      const file = named.open(() => copiesOf(named, sets, storedOnce));
      return { ...file, prefix };
    }
    throw new ProtocolError(
      "malformed-request",
      `network.prefix is '${prefix}', and the file has no network under that name: it has ${listed(sets.map(({ prefix: own }) => quoted(own)))}`,
    );
  }
  const networks = sets.flatMap((set) => {
    const graph = networkIn(set, answers);
    return graph === undefined ? [] : [{ set, graph }];
  });
  const current = networks.filter(({ set }) => !set.isAverage);
  const [first, ...others] = current.length > 0 ? current : networks;
  if (first === undefined) return undefined;
  const copies = await copiesOf(first.set, sets, storedOnce);
  if (others.some(({ set }) => !copies.includes(set))) {
    const which = [first, ...others].map(({ graph, set }) => described(set, graph));
    throw new ProtocolError(
      "malformed-request",
      `the file holds several networks that differ: ${listed(which)}. Say which one is meant with the setting network.prefix`,
    );
  }
  const file = first.set.open(() => Promise.resolve(copies));
  const findings = [...file.findings, ...toldOf(first.set, copies, sets)];
  return { ...file, prefix: first.set.prefix, findings };
}

/** The network of a set, or of one that stands in it; undefined where none is known. */
function networkIn(set: TensorSet, answers: NetworkAnswers): Graph | undefined {
  const tensors = withoutNormalisation(set.tensors);
  const whole = networkOf(tensors, answers);
  if (whole !== undefined) return whole;
  return networkPrefixes(tensors).flatMap(
    (prefix) => networkOf(tensorsUnder(tensors, prefix), answers) ?? [],
  )[0];
}

/** The other sets that hold the same network with the same values. */
async function copiesOf(
  set: TensorSet,
  sets: readonly TensorSet[],
  storedOnce: Choice["storedOnce"],
): Promise<readonly TensorSet[]> {
  const copies: TensorSet[] = [];
  const own = alone(set);
  const budget = new CompareBudget(own);
  for (const other of sets) {
    if (other === set || !haveSameTensors(set, other)) continue;
    const isOnce = (name: string): boolean => storedOnce(name, set, other);
    if (await haveSameValues(own, alone(other), isOnce, budget)) copies.push(other);
  }
  return copies;
}

function alone(set: TensorSet): ModelFile {
  return set.open(() => Promise.resolve([]));
}

function described({ prefix, tensors }: TensorSet, { architecture, classes }: Graph): string {
  const weights = tensors
    .filter((tensor) => tensor.values === "floats" && !isAside(tensor))
    .reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return `${quoted(prefix)} (${architecture}, ${classes} classes, ${weights} weights)`;
}

function toldOf(
  set: TensorSet,
  copies: readonly TensorSet[],
  sets: readonly TensorSet[],
): Finding[] {
  const others = sets.filter((other) => other !== set && !copies.includes(other));
  const large = others.filter((other) => 2 * other.tensors.length >= set.tensors.length);
  const left = takenFrom(nameOf(set), large.map(nameOf), set.prefix);
  if (copies.length === 0) return [left];
  return [
    {
      rule: "network-twice",
      level: "note",
      message: `the network under ${nameOf(set)} is there again, value for value, under ${listed(copies.map(nameOf))}: one is trained, and the result has it in all of these places`,
      where: set.prefix,
    },
    ...(others.length === 0 ? [] : [left]),
  ];
}

function nameOf({ prefix }: TensorSet): string {
  return quoted(prefix.slice(0, -1));
}
