import * as tf from "@tensorflow/tfjs-core";
import type { Tensor, Tensor1D, Tensor2D, Tensor4D } from "@tensorflow/tfjs-core";
import type {
  ConvGeometry,
  Kernels,
  LossOutput,
  LossTarget,
  NormBackwardInput,
  NormBackwardOutput,
  NormForwardInput,
  NormMoments,
  SgdInput,
} from "./kernels.ts";

type Shape4D = [number, number, number, number];

/** Explicit padding in tfjs' terms. */
function explicitPadding(padding: number): tf.backend_util.ExplicitPadding {
  return [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ];
}

function convAttributes({ stride, padding }: ConvGeometry): tf.NamedAttrMap {
  return {
    strides: [stride, stride],
    pad: explicitPadding(padding),
    dataFormat: "NHWC",
  };
}

/** Sum over all but the last axis: `[…, C]` → `[C]`. */
function sumRows(x: Tensor): Tensor1D {
  const channels = x.shape[x.shape.length - 1]!;
  return tf.sum(tf.reshape(x, [-1, channels]), 0);
}

/** Every operation composed of tfjs operations: runs on any backend, and is the GPU's. */
export class TensorKernels implements Kernels {
  convolve(x: Tensor4D, weight: Tensor4D, { stride, padding }: ConvGeometry): Tensor4D {
    return tf.conv2d(x, weight, stride, explicitPadding(padding));
  }

  convolveWithBias(
    x: Tensor4D,
    filter: Tensor4D,
    bias: Tensor1D,
    { stride, padding }: ConvGeometry,
    relu: boolean,
  ): Tensor4D {
    return tf.fused.conv2d({
      x,
      filter,
      bias,
      strides: stride,
      pad: explicitPadding(padding),
      activation: relu ? "relu" : "linear",
    });
  }

  convolveInputGradient(
    dy: Tensor4D,
    filter: Tensor4D,
    inputShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    const attributes = { ...convAttributes(geometry), inputShape };
    return tf.engine().runKernel(tf.Conv2DBackpropInput, { dy, filter }, attributes);
  }

  convolveFilterGradient(
    x: Tensor4D,
    dy: Tensor4D,
    filterShape: Shape4D,
    geometry: ConvGeometry,
  ): Tensor4D {
    const attributes = { ...convAttributes(geometry), filterShape };
    return tf.engine().runKernel(tf.Conv2DBackpropFilter, { x, dy }, attributes);
  }

  normForward(input: NormForwardInput): { y: Tensor4D; moments: NormMoments } {
    const { x, scale, shift, epsilon, addend, relu } = input;
    return tf.tidy(() => {
      const count = x.size / x.shape[3];
      const mean = tf.div(sumRows(x), count) as Tensor1D;
      const variance = tf.div(sumRows(tf.square(tf.sub(x, mean))), count) as Tensor1D;
      // PyTorch's own order of roundings: a value that is zero to float32 then mostly falls on the
      // same side of the rectifier as there, instead of switching a unit's gradient on or off.
      const gain: Tensor1D = tf.div(scale, tf.sqrt(tf.add(variance, epsilon)));
      const y = this.affine(x, gain, tf.sub(shift, tf.mul(mean, gain)), addend, relu);
      return { y, moments: { mean, variance } };
    });
  }

  normBackward(input: NormBackwardInput): NormBackwardOutput {
    const { dy, x, y, scale, moments, epsilon, relu, addend } = input;
    const result = tf.tidy(() => {
      const count = x.size / x.shape[3];
      const g: Tensor4D = relu ? tf.mul(dy, tf.step(y)) : tf.clone(dy);
      const deviation = tf.rsqrt(tf.add(moments.variance, epsilon));
      const normalised = tf.mul(tf.sub(x, moments.mean), deviation);
      const dShift = sumRows(g);
      const dScale = sumRows(tf.mul(g, normalised));
      const centred = tf.sub(g, tf.div(dShift, count));
      const projected = tf.sub(centred, tf.mul(normalised, tf.div(dScale, count)));
      const dx: Tensor4D = tf.mul(projected, tf.mul(scale, deviation));
      return addend ? { dx, dScale, dShift, dAddend: g } : { dx, dScale, dShift };
    });
    dy.dispose();
    return { dAddend: undefined, ...result };
  }

  advanceStatistics(
    running: { mean: Tensor1D; variance: Tensor1D },
    moments: NormMoments,
    momentum: number,
    count: number,
  ): { mean: Tensor1D; variance: Tensor1D } {
    const blend = (old: Tensor1D, fresh: Tensor1D, weight: number): Tensor1D =>
      tf.add(tf.mul(old, 1 - momentum), tf.mul(fresh, weight));
    return tf.tidy(() => ({
      mean: blend(running.mean, moments.mean, momentum),
      variance: blend(running.variance, moments.variance, (momentum * count) / (count - 1)),
    }));
  }

  affine(
    x: Tensor4D,
    scale: Tensor1D,
    shift: Tensor1D,
    addend: Tensor4D | undefined,
    relu: boolean,
  ): Tensor4D {
    return tf.tidy(() => {
      let y: Tensor4D = tf.add(tf.mul(x, scale), shift);
      if (addend) y = tf.add(y, addend);
      return relu ? tf.relu(y) : y;
    });
  }

  add<T extends Tensor>(a: T, b: T, relu: boolean): T {
    const sum = tf.tidy(() => (relu ? tf.relu(tf.add(a, b)) : tf.add(a, b))) as T;
    a.dispose();
    return sum;
  }

  relu(x: Tensor4D): Tensor4D {
    return tf.relu(x);
  }

  reluBackward(dy: Tensor4D, y: Tensor4D): Tensor4D {
    const dx: Tensor4D = tf.tidy(() => tf.mul(dy, tf.step(y)));
    dy.dispose();
    return dx;
  }

  copy<T extends Tensor>(x: T): T {
    return tf.clone(x);
  }

  averagePool(x: Tensor4D): Tensor2D {
    return tf.mean(x, [1, 2]);
  }

  averagePoolBackward(dy: Tensor2D, inputShape: Shape4D): Tensor4D {
    const [n, height, width, channels] = inputShape;
    return tf.tidy(() => {
      const share: Tensor2D = tf.div(dy, height * width);
      return tf.tile(tf.reshape(share, [n, 1, 1, channels]), [1, height, width, 1]);
    });
  }

  linear(x: Tensor2D, weight: Tensor2D, bias: Tensor1D): Tensor2D {
    return tf.tidy(() => tf.add(tf.matMul(x, weight, false, true), bias));
  }

  linearBackward(
    dy: Tensor2D,
    x: Tensor2D,
    weight: Tensor2D,
  ): { dx: Tensor2D; dWeight: Tensor2D; dBias: Tensor1D } {
    return tf.tidy(() => ({
      dx: tf.matMul(dy, weight),
      dWeight: tf.matMul(dy, x, true, false),
      dBias: sumRows(dy),
    }));
  }

  loss(logits: Tensor2D, { logits: teacher, temperature }: LossTarget): LossOutput {
    return tf.tidy(() => {
      const [n] = logits.shape;
      const logQ = tf.logSoftmax(tf.div(logits, temperature));
      const logP = tf.logSoftmax(tf.div(teacher, temperature));
      const p = tf.exp(logP);
      const loss = tf.div(tf.sum(tf.mul(p, tf.sub(logP, logQ))), n);
      const agree = tf.equal(tf.argMax(logits, 1), tf.argMax(teacher, 1));
      const agreement = tf.mean(tf.cast(agree, "float32"));
      const dLogits: Tensor2D = tf.div(tf.sub(tf.exp(logQ), p), n * temperature);
      return { summary: tf.stack([loss, agreement]) as Tensor1D, dLogits };
    });
  }

  sgd(input: SgdInput): { parameter: Tensor; velocity: Tensor } {
    const { parameter, gradient, velocity, learningRate, momentum, weightDecay } = input;
    const result = tf.tidy(() => {
      let next = tf.add(gradient, tf.mul(parameter, weightDecay));
      if (velocity) next = tf.add(next, tf.mul(velocity, momentum));
      return { parameter: tf.sub(parameter, tf.mul(next, learningRate)), velocity: next };
    });
    tf.dispose(velocity ? [parameter, gradient, velocity] : [parameter, gradient]);
    return result;
  }
}
