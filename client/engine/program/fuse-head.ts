import { ArenaBuffer } from "./arena.ts";
import type {
  HeadKernel,
  LinearGradientKernel,
  LinearKernel,
  LossKernel,
  PooledLogits,
  PoolKernel,
} from "./kernels/head.ts";
import type { Kernel } from "./kernels/kernels.ts";
import type { ScheduledKernel } from "./program.ts";
import type { Operand } from "./operands.ts";

/** Kernels of a linear layer on pooled features, next to each other in the schedule. */
interface PoolAndLinear {
  readonly pool: PoolKernel;
  readonly linear: LinearKernel;
}

/** Floats of an image's place in the head's workspace. */
const RESULTS = 2;

/**
 * Puts a `head` in the place of the kernels it stands for.
 *
 * A schedule has a head where the student's pooling, linear layer, loss and linear layer's gradient
 * follow each other, and the teacher's pass, if there is one, ends in a pooling and a linear layer.
 * The teacher's two then wait for the student's: they read what its last block left.
 *
 * @param fits whether the backend can run this head
 * @returns the schedule as it was where there is no head or it does not fit.
 */
export function fuseHead(
  kernels: readonly ScheduledKernel[],
  fits: (head: HeadKernel) => boolean,
): readonly ScheduledKernel[] {
  const index = kernels.findIndex(({ kernel }) => kernel.kind === "loss");
  if (index < 0) return kernels;
  const loss = kernels[index]!.kernel as LossKernel;
  const { groupSize } = kernels[index]!;
  // The fused kernels know one weight, one row of the teacher to a row, and nothing kept from before.
  const kept = !loss.teacher && loss.given === "logits";
  if (kept || loss.rows || loss.purpose === "ascent") return kernels;
  const student = poolAndLinearBefore(kernels, index, loss.student);
  const gradient = kernels[index + 1]?.kernel;
  if (!student || !isGradientOf(gradient, student, loss)) return kernels;

  const teacherEnd = kernels.findLastIndex(({ pass }) => pass === "teacher") + 1;
  const teacher = loss.teacher && poolAndLinearBefore(kernels, teacherEnd, loss.teacher);
  if (loss.teacher && !teacher) return kernels;

  const head = headOf(student, teacher, loss, gradient);
  if (!fits(head)) return kernels;
  return [
    ...kernels.slice(0, teacher ? teacherEnd - 2 : teacherEnd),
    ...kernels.slice(teacherEnd, index - 2),
    { pass: "loss", kernel: head, groupSize },
    ...kernels.slice(index + 2),
  ];
}

/** The two kernels before `end`, if they are what makes the logits. */
function poolAndLinearBefore(
  kernels: readonly ScheduledKernel[],
  end: number,
  logits: Operand,
): PoolAndLinear | undefined {
  const pool = kernels[end - 2]?.kernel;
  const linear = kernels[end - 1]?.kernel;
  if (pool?.kind !== "pool" || linear?.kind !== "linear") return undefined;
  return linear.x === pool.y && linear.y === logits ? { pool, linear } : undefined;
}

type InnerLinearGradient = LinearGradientKernel & {
  readonly dx: Operand;
  readonly parameters: NonNullable<LinearGradientKernel["parameters"]>;
};

function isGradientOf(
  kernel: Kernel | undefined,
  { pool }: PoolAndLinear,
  { dLogits }: LossKernel,
): kernel is InnerLinearGradient {
  return (
    kernel?.kind === "linear-gradient" &&
    kernel.dy === dLogits &&
    kernel.x === pool.y &&
    kernel.dx !== undefined &&
    kernel.parameters !== undefined
  );
}

function headOf(
  student: PoolAndLinear,
  teacher: PoolAndLinear | undefined,
  { images, classes, dLogits }: LossKernel,
  { dx, parameters: { dWeight, dBias } }: InnerLinearGradient,
): HeadKernel {
  return {
    kind: "head",
    images,
    classes,
    student: pooledLogitsOf(student),
    teacher: teacher && pooledLogitsOf(teacher),
    pooled: student.pool.y,
    logits: student.linear.y,
    dLogits,
    dPooled: dx,
    dWeight,
    dBias,
    workspace: new ArenaBuffer(RESULTS * images),
  };
}

function pooledLogitsOf({ pool, linear }: PoolAndLinear): PooledLogits {
  const { positions, channels, x } = pool;
  return { positions, channels, x, weight: linear.weight, bias: linear.bias };
}
