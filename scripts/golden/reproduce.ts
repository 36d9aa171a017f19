import { unmovedBatch } from "../../client/distil/normalise.ts";
import { gatherPixels } from "../../client/images/image-set.ts";
import type { Batch, Engine, Session } from "../../client/engine/engine.ts";
import { entryView, type StateLayout } from "../../protocol/model/state-layout.ts";
import type { GoldenCase } from "./golden-case.ts";

/** Relative L2 error ‖a − b‖/‖b‖ by what was compared. */
export type Errors = Record<string, number>;

/** ‖actual − expected‖₂ / ‖expected‖₂; of a zero vector, the absolute norm. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`${actual.length} values compared with ${expected.length}`);
  }
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i]! - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / (norm === 0 ? 1 : Math.sqrt(norm));
}

/**
 * Reproduces a golden run and returns the error of the teacher's logits, the first gradient, the
 * training-mode logits, every loss and the final student, tensor by tensor.
 *
 * @param onProgress told what is being computed, for people
 */
export async function reproduce(
  engine: Pick<Engine, "openSession">,
  golden: GoldenCase,
  onProgress: (message: string) => void = () => {},
): Promise<Errors> {
  const session = openSession(engine, golden);
  try {
    const errors: Errors = { ...(await reproduceGradient(session, golden)) };
    onProgress("gradient done");
    const { expected, run, student, final } = golden;
    session.load(student.state);
    const first = expected.trainingLogits.length;
    const training = await session.trainingLogits(batchOf(golden, 0));
    errors["training_logits"] = relativeError(
      training.subarray(0, first * student.graph.classes),
      expected.trainingLogits.flat(),
    );
    for (const [index, loss] of expected.losses.entries()) {
      const temperature = expected.temperatures[index]!;
      await session.step(batchOf(golden, index), { ...run, temperature });
      const [result] = await session.results();
      errors[`loss${index}`] = relativeError([result!.loss], [loss]);
      onProgress(`step ${index + 1} of ${expected.losses.length}, loss ${result!.loss.toFixed(5)}`);
    }
    const name = `student${expected.losses.length}`;
    const { state } = await session.read();
    for (const [tensor, values] of tensorsOf(state, student.layout)) {
      const entry = final.layout.entries.find((candidate) => candidate.name === tensor)!;
      errors[`${name}/${tensor}`] = relativeError(values, entryView(final.state, entry));
    }
    const images = firstImages(golden, expected.finalLogits.length);
    const logits = await session.logits("student", images);
    errors[`${name}_logits`] = relativeError(logits, expected.finalLogits.flat());
    return errors;
  } finally {
    session.close();
  }
}

function openSession(
  engine: Pick<Engine, "openSession">,
  { teacher, student }: GoldenCase,
): Session {
  const { graph, layout } = student;
  if (teacher.layout.length !== layout.length) {
    throw new RangeError("teacher and student are not of one architecture");
  }
  return engine.openSession({ graph, layout, teacher: teacher.state });
}

async function reproduceGradient(session: Session, golden: GoldenCase): Promise<Errors> {
  const { expected, student, gradient } = golden;
  const errors: Errors = {};
  const images = firstImages(golden, expected.teacherLogits.length);
  const logits = await session.logits("teacher", images);
  errors["teacher_logits"] = relativeError(logits, expected.teacherLogits.flat());
  session.load(student.state);
  const settings = { temperature: expected.temperatures[0]!, weightDecay: 0 };
  const result = await session.gradient(batchOf(golden, 0), settings);
  for (const entry of student.layout.entries) {
    const truth = gradient.get(entry.name);
    if (truth)
      errors[`gradient0/${entry.name}`] = relativeError(entryView(result.gradient, entry), truth);
  }
  return errors;
}

function batchOf({ images, run }: GoldenCase, step: number): Batch {
  const indices = Array.from({ length: run.batchSize }, (_, i) => step * run.batchSize + i);
  return unmovedBatch(images, gatherPixels(images, indices), run.normalisation);
}

function firstImages({ images, run }: GoldenCase, count: number): Batch {
  const indices = Array.from({ length: count }, (_, i) => i);
  return unmovedBatch(images, gatherPixels(images, indices), run.normalisation);
}

function* tensorsOf(
  state: Float32Array,
  layout: StateLayout,
): Generator<[name: string, values: Float32Array]> {
  for (const entry of layout.entries) yield [entry.name, entryView(state, entry)];
}
