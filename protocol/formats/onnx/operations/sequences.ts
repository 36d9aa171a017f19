import { axisOf, concatenated, constant, type Constant } from "../constants.ts";
import type { NodeAtHand } from "../node-at-hand.ts";
import { symbolName, type Sequence } from "../symbols.ts";

/** Operations on lists of numbers that are known: exporters' loops hand them about. */
export const SEQUENCES: ReadonlySet<string> = new Set([
  "SequenceEmpty",
  "SequenceConstruct",
  "SequenceInsert",
  "SequenceAt",
  "ConcatFromSequence",
]);

function sequence(at: NodeAtHand): Sequence {
  const symbol = at.input(0);
  if (symbol.kind === "sequence") return symbol;
  throw at.fail(`it reads ${symbolName(symbol)} where a sequence is expected`);
}

export function sequenceStep(at: NodeAtHand): Sequence | Constant {
  switch (at.node.op) {
    case "SequenceEmpty":
      return { kind: "sequence", items: [] };
    case "SequenceConstruct":
      return { kind: "sequence", items: at.inputs.map((_, i) => at.constant(i)!) };
    case "SequenceInsert": {
      const { items } = sequence(at);
      const position = at.constant(2)?.values[0] ?? items.length;
      return { kind: "sequence", items: items.toSpliced(position, 0, at.constant(1)!) };
    }
    case "SequenceAt": {
      const item = sequence(at).items.at(at.constant(1)?.values[0] ?? 0);
      if (item === undefined) throw at.fail("it takes what the sequence does not have");
      return item;
    }
    default: {
      const { items } = sequence(at);
      const isNew = at.number("new_axis", 0) !== 0;
      const alike = isNew
        ? items.map(({ dims, values, isInteger }) => constant([...dims, 1], values, isInteger))
        : items;
      const rank = alike[0]?.dims.length;
      const axis = axisOf(at.number("axis", 0), rank ?? 0);
      if (rank === undefined || (isNew && axis !== rank - 1))
        throw at.fail(
          "it joins what a sequence does not have, or along a new axis that is not the last",
        );
      return concatenated(alike, axis);
    }
  }
}
