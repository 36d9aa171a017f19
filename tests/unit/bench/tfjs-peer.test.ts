import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, expect, it } from "vitest";
import type { SessionReading } from "../../../client/engine/engine.ts";
import { resnet18 } from "../../../protocol/model/architectures/resnet18.ts";
import { relativeError } from "../../../scripts/golden/reproduce.ts";
import { problemOf } from "../../bench/engine/distillation-case.ts";
import { composedKernels } from "../../bench/engine/tfjs/composed.ts";
import type { Kernels } from "../../bench/engine/tfjs/kernels.ts";
import { TfjsSession } from "../../bench/engine/tfjs/session.ts";
import { TensorKernels } from "../../bench/engine/tfjs/tensor-kernels.ts";
import { ReferenceSession } from "../engine/numerics/reference-session.ts";

const { batches, settings, student, ...model } = problemOf(resnet18({ width: 2, classes: 10 }), 4);
/** The second step has a velocity. */
const STEPS = batches.slice(0, 2);

let expected: SessionReading;
beforeAll(async () => {
  const reference = new ReferenceSession(model);
  reference.load(student);
  for (const batch of STEPS) await reference.step(batch, settings);
  expected = await reference.read();
});

/** WebGPU's kernels run on any of TensorFlow.js' backends. */
async function tensorKernels(): Promise<Kernels> {
  await tf.setBackend("cpu");
  return new TensorKernels();
}

it.each([
  ["loops over WebAssembly's memory", composedKernels],
  ["its own operations", tensorKernels],
])("the benchmarks' TensorFlow.js takes the reference's steps: %s", async (_, open) => {
  const peer = new TfjsSession(await open(), model);
  peer.load(student);
  for (const batch of STEPS) await peer.step(batch, settings);
  const losses = (await peer.results()).map(({ loss }) => loss);
  const wanted = expected.results.map(({ loss }) => loss);
  expect(relativeError(losses, wanted)).toBeLessThan(1e-5);
  const moved = (after: Float32Array): Float32Array => after.map((value, i) => value - student[i]!);
  expect(relativeError(moved(await peer.read()), moved(expected.state))).toBeLessThan(1e-3);
});
