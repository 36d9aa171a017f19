import { isDeepStrictEqual } from "node:util";
import type { BenchResult } from "../result.ts";

type Tree = Readonly<Record<string, unknown>>;

/** All that a run was done with and its seed does not decide, as a tree. */
export function settingsOf({ config, digests, target }: BenchResult): Tree {
  // The name is for people; the model is among the digests.
  const { model: _, name: __, reinit, ...others } = config;
  const { seed: ___, ...terms } = isTree(reinit) ? reinit : {};
  return { ...digests, target, reinit: terms, ...others };
}

/**
 * What sets settings apart from one another, for each of them as `path=value`: the paths at which not
 * all are the same.
 *
 * @example
 * settingsDifference([{ a: { b: 1, c: 2 } }, { a: { b: 3, c: 2 } }]); // [["a.b=1"], ["a.b=3"]]
 */
export function settingsDifference(
  values: readonly unknown[],
  path: readonly string[] = [],
): readonly (readonly string[])[] {
  if (values.every((value) => isDeepStrictEqual(value, values[0]))) return values.map(() => []);
  const trees = values.filter(isTree);
  const keys = [...new Set(trees.flatMap((tree) => Object.keys(tree)))];
  const byKey = keys.map((key) =>
    settingsDifference(
      trees.map((tree) => tree[key]),
      path.concat(key),
    ),
  );
  return values.map((value) => {
    const name = path.join(".");
    if (value === undefined) return [`${name} unset`];
    if (!isTree(value)) return [`${name}=${valueText(value)}`];
    const own = byKey.flatMap((differences) => differences[trees.indexOf(value)]!);
    // Others have none of it, and all that have it have the same.
    return own.length > 0 ? own : [`${name}={…}`];
  });
}

function valueText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 8) : value;
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
