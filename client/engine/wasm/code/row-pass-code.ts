import type { Activation } from "../../../../protocol/model/graph.ts";
import { rulesOf } from "../../program/activations.ts";
import type { FunctionWriter, Local } from "./assembler.ts";
import { activate, type Reader } from "./pad-images-code.ts";
import { FLOAT_BYTES, LANES, VECTOR_BYTES } from "./register-tile.ts";

/**
 * A pass over rows of channels, or some of the channels: what stands between convolutions, and what
 * follows one while its rows are still in the cache.
 *
 *     v = source (read plainly or normalised), or source·a + other·b + d with `factors`,
 *         or source·a with `slope`
 *     v ← v + bias + addend
 *     v ← f(v), f the `activation` or none;  v ← v·f′, told from what is `activated`: f(x) or x
 *     sums ← Σ v and Σ v², or Σ v·z
 */
export interface RowPass {
  /** Of a row in memory, and how many of them are worked on. */
  readonly channels: number;
  readonly taken: number;
  readonly source: Reader | "factors" | "slope";
  readonly addend: Reader | "none";
  readonly bias: boolean;
  readonly activation: Activation | undefined;
  readonly activated: { readonly activation: Activation; readonly reader: Reader } | undefined;
  readonly store: boolean;
  readonly sums: "none" | "square" | "product";
}

/** Operands of a row pass in the order of its arguments; 0 where there is none. Addresses in bytes. */
export interface RowPassOperands {
  readonly rows: number;
  readonly source: number;
  /** Second source of `factors`, or the addend. */
  readonly other: number;
  readonly activated: number;
  readonly z: number;
  readonly target: number;
  /** Scale and shift, or a, b and d: `channels` apart. */
  readonly sourceCoefficients: number;
  readonly otherCoefficients: number;
  readonly activatedCoefficients: number;
  readonly bias: number;
  /** `[2, channels]`, overwritten. */
  readonly sums: number;
}

export const ROW_PASS_PARAMETERS = 12;

export function rowPassArguments(operands: RowPassOperands): number[] {
  const { rows, source, other, activated, z, target } = operands;
  const { sourceCoefficients, otherCoefficients, activatedCoefficients, bias, sums } = operands;
  const pointers = [source, other, activated, z, target];
  const coefficients = [sourceCoefficients, otherCoefficients, activatedCoefficients];
  return [rows, ...pointers, ...coefficients, bias, sums];
}

/** Writes a `RowPass`; arguments: scratch (not used), then those of `rowPassArguments`. */
export function writeRowPass(writer: FunctionWriter, pass: RowPass): void {
  const [, rows, ...pointers] = writer.parameters as [Local, Local, ...Local[]];
  const vectors = Math.ceil(pass.taken / LANES);
  const perChannel =
    Number(pass.source !== "plain") + Number(isAffine(pass.addend)) + Number(pass.bias);
  const width = perChannel > 0 || (pass.activated && isAffine(pass.activated.reader)) ? 2 : 4;
  const block = new RowBlock(writer, pass, Math.min(width, vectors));
  const ragged = pass.taken % LANES !== 0;
  const whole = Math.floor((ragged ? vectors - 1 : vectors) / width);
  const next = (count: number): void => {
    for (const pointer of pointers) writer.advance(pointer, count * VECTOR_BYTES);
  };
  if (whole > 0) {
    writer.repeat(whole, () => {
      block.write(rows, pointers, width, LANES);
      next(width);
    });
  }
  const left = vectors - whole * width;
  if (left > 0) block.write(rows, pointers, left, ragged ? pass.taken % LANES : LANES);
}

/** Code for some vectors of channels, all rows. */
class RowBlock {
  readonly #writer: FunctionWriter;
  readonly #pass: RowPass;
  readonly #value: Local;
  readonly #sums: readonly Local[];
  readonly #products: readonly Local[];
  /** Per vector: what the pass reads for each channel, in registers. */
  readonly #held: readonly ReadonlyMap<string, Local>[];
  readonly #at: readonly Local[];

  constructor(writer: FunctionWriter, pass: RowPass, width: number) {
    this.#writer = writer;
    this.#pass = pass;
    const registers = (): Local[] => Array.from({ length: width }, () => writer.vector());
    this.#value = writer.vector();
    this.#sums = registers();
    this.#products = registers();
    const names = perChannelNames(pass);
    this.#held = Array.from(
      { length: width },
      () => new Map(names.map((name) => [name, writer.vector()])),
    );
    this.#at = Array.from({ length: 5 }, () => writer.integer());
  }

  write(rows: Local, pointers: readonly Local[], width: number, lastLanes: number): void {
    const writer = this.#writer;
    const { channels, store, sums } = this.#pass;
    const places = pointers as Pointers;
    const [, , , , , , , , , sumsAt] = places;
    for (let v = 0; v < width; v++) this.#hold(places, v);
    if (sums !== "none") {
      for (let v = 0; v < width; v++) {
        writer.zeroVector().set(this.#sums[v]!).zeroVector().set(this.#products[v]!);
      }
    }
    const [source, other, activated, z, target] = this.#at as RowPointers;
    this.#at.forEach((at, i) => writer.offset(at, places[i]!, 0));
    const value = this.#value;
    writer.repeatVariable(rows, () => {
      for (let v = 0; v < width; v++) {
        const lanes = v === width - 1 ? lastLanes : LANES;
        this.#compute([source, other, activated], v);
        if (store) writer.storeLanes(target, v * VECTOR_BYTES, value, lanes);
        if (sums === "none") continue;
        writer.get(this.#sums[v]!).get(value).addFloats().set(this.#sums[v]!);
        writer.multiplyAdd(
          this.#products[v]!,
          () => writer.get(value),
          () => {
            if (sums === "square") writer.get(value);
            else writer.loadVector(z, v * VECTOR_BYTES);
          },
        );
      }
      for (const at of this.#at) writer.advance(at, channels * FLOAT_BYTES);
    });
    if (sums === "none") return;
    for (let v = 0; v < width; v++) {
      const lanes = v === width - 1 ? lastLanes : LANES;
      writer.storeLanes(sumsAt, v * VECTOR_BYTES, this.#sums[v]!, lanes);
      const products = channels * FLOAT_BYTES + v * VECTOR_BYTES;
      writer.storeLanes(sumsAt, products, this.#products[v]!, lanes);
    }
  }

  /** Leaves one vector's result in `#value`. */
  #compute([source, other, activated]: readonly [Local, Local, Local], v: number): void {
    const writer = this.#writer;
    const pass = this.#pass;
    const value = this.#value;
    const at = v * VECTOR_BYTES;
    const held = (name: string) => () => writer.get(this.#held[v]!.get(name)!);
    const read = (from: Local, reader: Reader, name: string): void => {
      if (reader === "plain") {
        writer.loadVector(from, at);
        return;
      }
      const load = (): void => void writer.loadVector(from, at);
      writer.multiplyAddTo(load, held(`${name} scale`), held(`${name} shift`));
      activate(writer, reader.activation);
    };
    if (pass.source === "factors") {
      const inner = (): void => {
        writer.multiplyAddTo(() => writer.loadVector(other, at), held("b"), held("d"));
      };
      writer.multiplyAddTo(() => writer.loadVector(source, at), held("a"), inner);
    } else if (pass.source === "slope") {
      writer.loadVector(source, at);
      held("a")();
      writer.multiplyFloats();
    } else {
      read(source, pass.source, "source");
    }
    if (pass.bias) {
      held("bias")();
      writer.addFloats();
    }
    if (pass.addend !== "none") {
      read(other, pass.addend, "other");
      writer.addFloats();
    }
    activate(writer, pass.activation);
    writer.set(value);
    if (!pass.activated) return;
    const { activation, reader } = pass.activated;
    rulesOf(activation).wasm.gradient(
      writer,
      () => writer.get(value),
      () => read(activated, reader, "activated"),
    );
    writer.set(value);
  }

  /** Loads what is read for each channel into registers. */
  #hold(pointers: Pointers, v: number): void {
    const writer = this.#writer;
    const [, , , , , source, other, activated, bias] = pointers;
    const channelBytes = this.#pass.channels * FLOAT_BYTES;
    const places: Readonly<Record<string, readonly [Local, number]>> = {
      a: [source, 0],
      b: [source, 1],
      d: [source, 2],
      "source scale": [source, 0],
      "source shift": [source, 1],
      "other scale": [other, 0],
      "other shift": [other, 1],
      "activated scale": [activated, 0],
      "activated shift": [activated, 1],
      bias: [bias, 0],
    };
    for (const [name, register] of this.#held[v]!) {
      const [pointer, index] = places[name]!;
      writer.loadVector(pointer, index * channelBytes + v * VECTOR_BYTES).set(register);
    }
  }
}

function perChannelNames({ source, addend, activated, bias }: RowPass): string[] {
  return [
    ...sourceNames(source),
    ...affineNames(addend, "other"),
    ...affineNames(activated?.reader ?? "none", "activated"),
    ...(bias ? ["bias"] : []),
  ];
}

function sourceNames(source: RowPass["source"]): string[] {
  if (source === "factors") return ["a", "b", "d"];
  return source === "slope" ? ["a"] : affineNames(source, "source");
}

function isAffine(reader: Reader | "none" | "factors" | "slope"): boolean {
  return typeof reader === "object";
}

function affineNames(reader: Reader | "none", name: string): string[] {
  return isAffine(reader) ? [`${name} scale`, `${name} shift`] : [];
}

type RowPointers = [Local, Local, Local, Local, Local];
type Pointers = readonly [Local, Local, Local, Local, Local, Local, Local, Local, Local, Local];
