import type { AttentionOperation } from "../../../../protocol/model/operations/tokens.ts";
import type { MatrixStack, ProductKernel } from "../kernels/product.ts";
import type { RowsOfValues } from "../loops/softmax.ts";
import type { Operand } from "../operands.ts";
import type { ProgramWriter } from "../program-writer.ts";

/** What attention is made of: a matrix for each image and head. */
export class AttentionHeads {
  /** 1/√d */
  readonly factor: number;
  /** Of scores: a row a token, of all heads. */
  readonly rows: RowsOfValues;
  readonly #writer: ProgramWriter;
  readonly #images: number;
  readonly #heads: number;
  readonly #tokens: number;
  readonly #channels: number;
  /** From one row of scores to the next: so that it begins at a whole vector. */
  readonly #pitch: number;

  constructor(writer: ProgramWriter, { inputs: [query], heads }: AttentionOperation) {
    const [images, tokens, channels] = writer.positionExtents(query);
    this.#writer = writer;
    this.#images = images;
    this.#heads = heads;
    this.#tokens = tokens;
    this.#channels = channels;
    this.#pitch = 4 * Math.ceil(tokens / 4);
    this.factor = 1 / Math.sqrt(channels / heads);
    this.rows = { images, rows: heads * tokens, values: tokens, pitch: this.#pitch };
  }

  /** A token's channels in runs: `[tokens, d]` for each head. */
  values(operand: Operand): MatrixStack {
    const channels = this.#channels;
    const inner = channels / this.#heads;
    return { values: operand, outer: this.#tokens * channels, inner, row: channels, column: 1 };
  }

  /** Memory for one value for each pair of tokens: `[tokens, tokens]` for each head. */
  scores(): MatrixStack {
    const inner = this.#tokens * this.#pitch;
    const outer = this.#heads * inner;
    const values = this.#writer.workspace(this.#images * outer);
    return { values, outer, inner, row: this.#pitch, column: 1 };
  }

  /** factor·a·b of scores: what pairs of tokens have of each other. */
  ofPairs(label: string, a: MatrixStack, b: MatrixStack, c: MatrixStack, factor: number) {
    const width = this.#channels / this.#heads;
    return this.#product(label, a, transposed(b), c, factor, [this.#tokens, this.#tokens, width]);
  }

  /** factor·a·b, a of scores: what each token has of all. */
  ofTokens(label: string, a: MatrixStack, b: MatrixStack, c: MatrixStack, factor: number) {
    const width = this.#channels / this.#heads;
    return this.#product(label, a, b, c, factor, [this.#tokens, width, this.#tokens]);
  }

  #product(
    label: string,
    a: MatrixStack,
    b: MatrixStack,
    c: MatrixStack,
    factor: number,
    [rows, columns, depth]: readonly [number, number, number],
  ): ProductKernel {
    const stack = { outer: this.#images, inner: this.#heads };
    return { kind: "product", label, ...stack, rows, columns, depth, factor, a, b, c };
  }
}

export function transposed({ row, column, ...stack }: MatrixStack): MatrixStack {
  return { ...stack, row: column, column: row };
}
