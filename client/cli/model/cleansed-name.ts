/** What ends a model file's name, the longest first. */
const ENDING = /(?:\.safetensors\.index\.json|\.(?:pth|pt|tar)\.(?:tar|gz)|\.[A-Za-z0-9]{1,12})$/;

/** What BackdoorBench calls a model before and after a defence. */
const BACKDOOR_BENCH = /^attack_result(?=\.pt$)/;

/**
 * The name of the file that a model is given back in: its source's with `-cleansed`, or
 * `defense_result.pt` as BackdoorBench has it. A name alone, whatever the coordinator says: no folder, none
 * that is hidden.
 *
 * @param source as the campaign has it: a path, an address, a model of the hub
 * @returns undefined where nothing of it is fit for a name
 *
 * @example
 * cleansedName("hf:a/b@0123:weights/model.safetensors"); // "model-cleansed.safetensors"
 */
export function cleansedName(source: string): string | undefined {
  const last = source.split(/[/\\:]/).findLast((part) => part !== "") ?? "";
  const name = last.replaceAll(/[^\p{L}\p{N}._ -]/gu, "_").replace(/^[.\s-]+/, "");
  if (name === "") return undefined;
  if (BACKDOOR_BENCH.test(name)) return name.replace(BACKDOOR_BENCH, "defense_result");
  const ending = ENDING.exec(name)?.[0] ?? "";
  const stem = name.slice(0, name.length - ending.length);
  // By its index a model of several files is opened; what comes back is their folder.
  return `${stem === "" ? "model" : stem}-cleansed${ending.endsWith(".json") ? "" : ending}`;
}
