// Layers with matrix products on drawn numbers: what the facade computes, and what float64 says of it. Tests of both
// precisions share them.
import { linear, linearGelu, linearResidual, perceptronResidual } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { draw } from "./kernel-checks.js";
import type { Numbers } from "./kernel-reference.js";
import { linearReference, perceptronReference, type Round } from "./product-reference.js";

// Blocks of 84 rows, chunks of 168 (336 in bfloat16), bands of 168 columns, vectors of 4, 8 and 16, and rows that
// are padded where their length is a multiple of 1024: sizes of 1, and one more or less than each.
/** [batch, tokens, in, out] */
export const linearSizes: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [1, 1, 3, 2],
  [5, 1, 1, 7],
  [3, 5, 16, 16],
  [2, 17, 33, 31],
  [5, 17, 8, 65],
  [1, 169, 12, 35],
  [7, 100, 20, 15], // three stretches of the sum over rows
  [3, 43, 130, 341],
  [2, 45, 1024, 17],
  [1, 90, 2048, 9],
];
/** [batch, tokens, in, hidden, out] */
export const perceptronSizes: [number, number, number, number, number][] = [
  [1, 1, 1, 1, 1],
  [1, 2, 3, 1, 2],
  [2, 3, 1, 5, 1],
  [3, 5, 16, 16, 16],
  [5, 17, 9, 31, 17],
  [1, 169, 12, 40, 10],
  [7, 100, 8, 20, 15],
  [1, 60, 24, 341, 24],
  [2, 45, 17, 1024, 9],
  [1, 90, 1024, 33, 12],
  [1, 85, 2048, 8, 5],
  [2, 50, 6, 2048, 7],
];

export interface LayerCase {
  /** Of `inputs`, in their order. */
  readonly names: readonly string[];
  /** What gradients are wanted for. */
  readonly inputs: readonly tf.Tensor[];
  readonly dy: tf.Tensor;
  run(...inputs: tf.Tensor[]): tf.Tensor;
  /** The value and then the gradient of each input, for the numbers that the tensors hold. */
  reference(round?: Round): Promise<Numbers[]>;
}

export interface CaseOptions {
  /** Each sample has a share of its own, some of them 0 (default false). */
  readonly scale?: boolean;
  /** Of x, biases and residual, not of dy: the product of two tiny numbers is none that float32 keeps (default 1). */
  readonly magnitude?: number;
  /** Index of an element of x, and what it is made. */
  readonly odd?: readonly [index: number, value: number];
}

async function numbers(tensors: readonly tf.Tensor[]): Promise<Numbers[]> {
  return await Promise.all(tensors.map((tensor) => tensor.data()));
}

function drawX(shape: number[], { magnitude = 1, odd }: CaseOptions): tf.Tensor {
  const x = draw(shape, "x", magnitude);
  if (odd === undefined) return x;
  const values = x.dataSync();
  values[odd[0]] = odd[1];
  return tf.tensor(values, shape);
}

/** Shares of a batch as drop path gives them: none of every third sample. */
function shares(batch: number): tf.Tensor1D {
  return tf.tensor1d(Float32Array.from({ length: batch }, (_, i) => (i % 3 === 1 ? 0 : 1.25)));
}

/** x [batch, tokens, in] through `linear`, `linearGelu` or `linearResidual`. */
export function linearCase(
  kind: "linear" | "linearGelu" | "linearResidual",
  [batch, tokens, inputs, outputs]: readonly [number, number, number, number],
  options: CaseOptions & { bias?: boolean } = {},
): LayerCase {
  const { magnitude = 1, bias: withBias = true } = options;
  const x = drawX([batch, tokens, inputs], options);
  const weight = draw([outputs, inputs], "weight");
  const biases = withBias ? [draw([outputs], "bias", magnitude)] : [];
  const ontos = kind === "linearResidual" ? [draw([batch, tokens, outputs], "onto", magnitude)] : [];
  const scale = options.scale ? shares(batch) : undefined;
  const dy = draw([batch, tokens, outputs], "dy");
  return {
    names: ["x", "weight", ...biases.map(() => "bias"), ...ontos.map(() => "onto")],
    inputs: [x, weight, ...biases, ...ontos],
    dy,
    run(...given) {
      const [a, w] = given as [tf.Tensor, tf.Tensor];
      const bias = withBias ? given[2] : undefined;
      if (kind === "linear") return linear(a, w, bias);
      if (kind === "linearGelu") return linearGelu(a, w, bias);
      return linearResidual(a, w, bias, { onto: given[given.length - 1] as tf.Tensor, scale });
    },
    async reference(round) {
      const [xs, weights, d] = (await numbers([x, weight, dy])) as [Numbers, Numbers, Numbers];
      const [[bias], [onto], share] = [await numbers(biases), await numbers(ontos), await scale?.data()];
      const size = [batch * tokens, inputs, outputs] as const;
      const { y, dx, dWeight, dBias } = linearReference(
        {
          x: xs,
          weight: weights,
          bias,
          residual: onto && { onto, scale: share },
          size,
          gelu: kind === "linearGelu",
          round,
        },
        d,
      );
      return [y, dx, dWeight, ...(bias ? [dBias] : []), ...(onto ? [d] : [])];
    },
  };
}

/** x [batch, tokens, in] through `perceptronResidual`. */
export function perceptronCase(
  [batch, tokens, inputs, hidden, outputs]: readonly [number, number, number, number, number],
  options: CaseOptions = {},
): LayerCase {
  const { magnitude = 1 } = options;
  const scale = options.scale ? shares(batch) : undefined;
  const tensors = [
    drawX([batch, tokens, inputs], options),
    draw([hidden, inputs], "weight1"),
    draw([hidden], "bias1", magnitude),
    draw([outputs, hidden], "weight2"),
    draw([outputs], "bias2", magnitude),
    draw([batch, tokens, outputs], "onto", magnitude),
  ];
  const dy = draw([batch, tokens, outputs], "dy");
  return {
    names: ["x", "weight1", "bias1", "weight2", "bias2", "onto"],
    inputs: tensors,
    dy,
    run(...given) {
      const [x, weight1, bias1, weight2, bias2, onto] = given as [
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
        tf.Tensor,
      ];
      return perceptronResidual(x, { weight1, bias1, weight2, bias2 }, { onto, scale });
    },
    async reference(round) {
      const [x, weight1, bias1, weight2, bias2, onto, d] = (await numbers([...tensors, dy])) as [
        Numbers,
        Numbers,
        Numbers,
        Numbers,
        Numbers,
        Numbers,
        Numbers,
      ];
      const size = [batch * tokens, inputs, hidden, outputs] as const;
      const residual = { onto, scale: await scale?.data() };
      const made = perceptronReference({ x, weight1, bias1, weight2, bias2, residual, size, round }, d);
      return [made.y, made.dx, made.dWeight1, made.dBias1, made.dWeight2, made.dBias2, d];
    },
  };
}

export interface ComputedLayer {
  /** The value outside of the tape, where nothing is kept for gradients. */
  readonly plain: tf.Tensor;
  /** The value on it. */
  readonly recorded: tf.Tensor;
  /** Of each input. */
  readonly gradients: tf.Tensor[];
}

/** The layer's value, without and with a tape, and its gradients. */
export function computeLayer({ run, inputs, dy }: LayerCase): ComputedLayer {
  const plain = run(...inputs);
  let recorded: tf.Tensor | undefined;
  const gradients = tf.grads((...given) => {
    recorded = tf.keep(run(...given));
    return recorded;
  })([...inputs], dy);
  return { plain, recorded: recorded as tf.Tensor, gradients };
}
