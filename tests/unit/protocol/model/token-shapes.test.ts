import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../../../protocol/errors.ts";
import type { Operation } from "../../../../protocol/model/graph.ts";
import { shapeOf } from "../../../../protocol/model/operation-shapes.ts";
import type { ValueShape } from "../../../../protocol/model/values.ts";

type Shapes = readonly ValueShape[];

const at = { input: "x", output: "y" };
const own = { ...at, scale: "w", shift: "b", epsilon: 1e-6 };
const attention = { kind: "attention", inputs: ["q", "k", "v"], output: "y", heads: 3 } as const;

function fail(detail: string): ProtocolError {
  return new ProtocolError("unsupported-model", detail);
}

function outputOf(operation: Operation, inputs: Shapes, ...parameters: number[][]): ValueShape {
  return shapeOf(operation).output(operation, inputs, parameters, fail);
}

describe("shapes of tokens, norms of each image and activations", () => {
  it.each<[Operation, Shapes, number[][], ValueShape]>([
    [{ kind: "to-tokens", ...at }, [[14, 13, 6]], [], [182, 6]],
    [{ kind: "prepend-tokens", ...at, embedding: "e" }, [[196, 6]], [[1, 1, 6]], [197, 6]],
    [{ kind: "prepend-tokens", ...at, embedding: "e" }, [[196, 6]], [[2, 6]], [198, 6]],
    [{ kind: "add-embedding", ...at, embedding: "e" }, [[197, 6]], [[1, 197, 6]], [197, 6]],
    [{ kind: "slice-tokens", ...at, from: 1, to: 197 }, [[197, 6]], [], [196, 6]],
    [{ kind: "take-token", ...at, index: 0 }, [[197, 6]], [], [6]],
    [
      attention,
      [
        [5, 6],
        [5, 6],
        [5, 6],
      ],
      [],
      [5, 6],
    ],
    [{ kind: "layer-norm", ...own }, [[7, 7, 6]], [[6], [6]], [7, 7, 6]],
    [{ kind: "layer-norm", ...at, epsilon: 1e-6 }, [[6]], [], [6]],
    [{ kind: "group-norm", ...own, groups: 2 }, [[7, 7, 6]], [[6], [6]], [7, 7, 6]],
    [{ kind: "softmax", ...at }, [[7, 6]], [], [7, 6]],
    [
      { kind: "activation", ...at, activation: { kind: "leaky-relu", slope: 0.1 } },
      [[7, 6]],
      [],
      [7, 6],
    ],
  ])("[G1] gives $kind its shape", (operation, inputs, parameters, expected) => {
    expect(outputOf(operation, inputs, ...parameters)).toEqual(expected);
  });

  it.each<[Operation, Shapes, number[][], RegExp]>([
    [{ kind: "to-tokens", ...at }, [[196, 6]], [], /needs height and width/],
    [{ kind: "prepend-tokens", ...at, embedding: "e" }, [[7, 7, 6]], [[1, 6]], /needs tokens/],
    [{ kind: "prepend-tokens", ...at, embedding: "e" }, [[196, 6]], [[1, 1, 5]], /have 6 channels/],
    [{ kind: "add-embedding", ...at, embedding: "e" }, [[197, 6]], [[1, 196, 6]], /\[197, 6\]/],
    [{ kind: "slice-tokens", ...at, from: 3, to: 3 }, [[5, 6]], [], /tokens 3 to 3 of 5/],
    [{ kind: "slice-tokens", ...at, from: 0, to: 6 }, [[5, 6]], [], /tokens 0 to 6 of 5/],
    [{ kind: "take-token", ...at, index: 5 }, [[5, 6]], [], /token 5 of 5/],
    [
      attention,
      [
        [5, 6],
        [4, 6],
        [5, 6],
      ],
      [],
      /keys \[4, 6\]/,
    ],
    [
      attention,
      [
        [5, 7],
        [5, 7],
        [5, 7],
      ],
      [],
      /3 heads do not divide 7 channels/,
    ],
    [{ kind: "layer-norm", ...own }, [[7, 6]], [[5], [6]], /'w' is made for 5 channels/],
    [{ kind: "layer-norm", ...at, epsilon: 0 }, [[7, 6]], [], /epsilon is 0/],
    [{ kind: "group-norm", ...own, groups: 4 }, [[7, 7, 6]], [[6], [6]], /4 groups do not divide/],
    [
      { kind: "activation", ...at, activation: { kind: "leaky-relu", slope: -0.1 } },
      [[6]],
      [],
      /leaky-relu has the number -0.1/,
    ],
    [
      { kind: "activation", ...at, activation: { kind: "elu", alpha: Number.NaN } },
      [[6]],
      [],
      /elu has the number NaN/,
    ],
  ])("[G1] refuses a $kind that does not fit", (operation, inputs, parameters, message) => {
    expect(() => outputOf(operation, inputs, ...parameters)).toThrow(message);
  });
});
