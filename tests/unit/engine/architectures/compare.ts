import type { Engine } from "../../../../client/engine/engine.ts";
import { drawNetwork, type Fixture } from "../../../fixtures/architectures/read-fixture.ts";
import { projection } from "../../../fixtures/architectures/drawn-values.ts";

/** Projections of a tensor's gradient on signs. */
const PROJECTIONS = 16;

/** How far an engine is from PyTorch's float64. */
export interface Difference {
  /** ‖difference‖₂ of the teacher's logits, relative to their norm. */
  readonly logits: number;
  readonly loss: number;
  /** The worst tensor's, relative to the larger of its gradient's norm and of its layer's weight's. */
  readonly gradient: { readonly tensor: string; readonly difference: number };
}

/** What an engine makes of a fixture's network, compared with what PyTorch made of it. */
export async function compareWithPytorch(engine: Engine, fixture: Fixture): Promise<Difference> {
  const { batch, temperature } = fixture;
  const { graph, images, layout, student, teacher } = drawNetwork(fixture);
  const session = engine.openSession({ graph, layout, teacher });
  try {
    session.load(student);
    const values = channelsLast(images, fixture);
    const logits = await session.logits("teacher", { values, size: batch });
    const result = await session.gradient({ values, size: batch }, { temperature, weightDecay: 0 });
    return {
      logits: relative(logits, fixture.logits),
      loss: Math.abs(result.loss - fixture.loss) / fixture.loss,
      gradient: worstTensor(fixture, layout.entries, result.gradient),
    };
  } finally {
    session.close();
  }
}

/** PyTorch's `[N, C, H, W]` as `[N, H, W, C]`. */
function channelsLast(images: Float32Array, { batch, channels, size }: Fixture): Float32Array {
  const values = new Float32Array(images.length);
  const positions = size * size;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let p = 0; p < positions; p++) {
        values[(n * positions + p) * channels + c] = images[(n * channels + c) * positions + p]!;
      }
    }
  }
  return values;
}

function relative(actual: Float32Array, expected: Float32Array): number {
  const difference = Math.hypot(...actual.map((value, i) => value - expected[i]!));
  return difference / Math.hypot(...expected);
}

/** For random signs the mean square of a vector's projections is its squared length. */
function worstTensor(
  { gradient: expected, trainable }: Fixture,
  entries: readonly { readonly name: string; readonly offset: number; readonly size: number }[],
  gradient: Float32Array,
): Difference["gradient"] {
  const row = PROJECTIONS + 1;
  const norms = new Map<string, number>();
  for (let i = 0; i < trainable; i++) norms.set(entries[i]!.name, expected[i * row]!);
  let worst = { tensor: "", difference: -1 };
  for (let i = 0; i < trainable; i++) {
    const { name, offset, size } = entries[i]!;
    const values = gradient.subarray(offset, offset + size);
    let squares = 0;
    for (let k = 0; k < PROJECTIONS; k++) {
      const apart = projection(`${name}/${k}`, values) - expected[i * row + 1 + k]!;
      squares += apart * apart;
    }
    const weight = name.replace(/bias$/, "weight");
    const scale = Math.max(norms.get(name)!, norms.get(weight) ?? 0);
    const difference = Math.sqrt(squares / PROJECTIONS) / scale;
    if (!(difference <= worst.difference)) worst = { tensor: name, difference };
  }
  return worst;
}
