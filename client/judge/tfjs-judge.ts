import {
  operationInputs,
  type Graph,
  type Operation,
  type ValueId,
} from "../../protocol/model/graph.ts";
import { entryView } from "../../protocol/model/state-layout.ts";
import type { Normalisation } from "../distil/normalise.ts";
import { readPixels, type ImageSet } from "../images/image-set.ts";
import { operationOf } from "../engine/program/operations/operations.ts";
import type {
  JudgedValues,
  Tensor,
  Tensor2D,
  Tensor4D,
  Tfjs,
} from "../engine/program/operations/judged-values.ts";
import type { Judge, JudgedModel } from "./judge.ts";

/**
 * TensorFlow.js as a judge, on whichever backend it has been set to.
 *
 * @example
 * await tf.setBackend("webgpu");
 * const model = tfjsJudge(tf).read(importModel(file));
 * const logits = await model.logits(images, [0, 1, 2], { mean, std });
 * model.close();
 */
export function tfjsJudge(tf: Tfjs): Judge {
  return {
    name: `TensorFlow.js ${tf.version_core} (${tf.getBackend()})`,
    read: ({ graph, layout, state }) => {
      const parameters = new Map(
        layout.entries.map((entry) => {
          const values = entryView(state, entry).slice();
          return [entry.name, tf.keep(tf.tensor(values, [...entry.shape], "float32"))];
        }),
      );
      return new TfjsModel(tf, graph, parameters);
    },
  };
}

class TfjsModel implements JudgedModel {
  readonly #tf: Tfjs;
  readonly #graph: Graph;
  readonly #parameters: ReadonlyMap<string, Tensor>;

  constructor(tf: Tfjs, graph: Graph, parameters: ReadonlyMap<string, Tensor>) {
    this.#tf = tf;
    this.#graph = graph;
    this.#parameters = parameters;
  }

  async logits(
    images: ImageSet,
    indices: readonly number[],
    normalisation: Normalisation,
  ): Promise<Float32Array> {
    const output = this.#run(await this.#normalised(images, indices, normalisation));
    const logits = await output.data<"float32">();
    output.dispose();
    return logits;
  }

  close(): void {
    this.#tf.dispose([...this.#parameters.values()]);
  }

  /** (value − mean)/std, `[N, H, W, C]` (SPEC N7). */
  async #normalised(
    images: ImageSet,
    indices: readonly number[],
    { mean, std, range = "unit" }: Normalisation,
  ): Promise<Tensor4D> {
    const tf = this.#tf;
    const { height, width, channels } = images;
    const read = await readPixels(images, indices);
    return tf.tidy(() => {
      const pixels = Float32Array.from(read);
      const shape: [number, number, number, number] = [indices.length, height, width, channels];
      const { divisor, less } = RANGES[range];
      const values = tf.sub(tf.div(tf.tensor4d(pixels, shape), divisor), less);
      return tf.div(tf.sub(values, tf.tensor1d([...mean])), tf.tensor1d([...std]));
    });
  }

  /** Operation by operation; a value is freed once nothing is left that reads it. Consumes the images. */
  #run(images: Tensor4D): Tensor2D {
    const { input, operations, output } = this.#graph;
    const values = new Map<ValueId, Tensor>([[input, images]]);
    const readers = countReaders(operations);
    const given: JudgedValues = {
      tf: this.#tf,
      value: <T extends Tensor>(id: ValueId) => found(values, id) as T,
      parameter: <T extends Tensor>(name: string) => found(this.#parameters, name) as T,
    };
    for (const operation of operations) {
      values.set(
        operation.output,
        this.#tf.tidy(() => operationOf(operation).judged(given, operation)),
      );
      for (const id of operationInputs(operation)) {
        const left = readers.get(id)! - 1;
        readers.set(id, left);
        if (left === 0 && id !== output) values.get(id)?.dispose();
      }
    }
    return given.value(output);
  }
}

/** What a pixel is divided by, and what is taken off then. */
const RANGES = {
  unit: { divisor: 255, less: 0 },
  bytes: { divisor: 1, less: 0 },
  symmetric: { divisor: 127.5, less: 1 },
} as const satisfies Record<NonNullable<Normalisation["range"]>, object>;

function countReaders(operations: readonly Operation[]): Map<ValueId, number> {
  const readers = new Map<ValueId, number>();
  for (const id of operations.flatMap(operationInputs)) {
    readers.set(id, (readers.get(id) ?? 0) + 1);
  }
  return readers;
}

function found(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new RangeError(`the graph reads '${name}', which nothing gives`);
  return tensor;
}
