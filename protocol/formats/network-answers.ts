import { ProtocolError } from "../errors.ts";
import {
  NETWORK_METADATA,
  networkAnswersSchema,
  type NetworkAnswers,
  type NetworkSettings,
} from "../model/network-settings.ts";
import type { ModelFile } from "./model-file.ts";

/**
 * The answers that hold for a file's network: what was said, else what its metadata says (SPEC G4.2), else
 * what lies beside its weights.
 *
 * @throws ProtocolError `malformed-model` for metadata that are no answers.
 */
export function networkAnswers(file: ModelFile, network: NetworkSettings): NetworkAnswers {
  const { prefix: _prefix, standInNorms: _standInNorms, ...said } = network;
  const given = Object.entries(said).filter(([, answer]) => answer !== undefined);
  return { ...file.network, ...answersInFile(file), ...Object.fromEntries(given) };
}

/** What the file's metadata says of its network. */
function answersInFile({ metadata }: ModelFile): NetworkAnswers {
  const text = metadata.get(NETWORK_METADATA);
  if (text === undefined) return {};
  try {
    return networkAnswersSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new ProtocolError(
      "malformed-model",
      `the file's metadata '${NETWORK_METADATA}' is ${JSON.stringify(text)}: it must be JSON with the keys of a campaign's \`network\``,
      {},
      { cause },
    );
  }
}
