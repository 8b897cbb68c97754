import {
  batchNorm,
  batchNormInference,
  gelu,
  linear,
  type Params,
  param,
  type RandomStream,
  requireOption,
  type TokenHead,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requirePositive, requireShape } from "../check.js";
import { type Initialization, linearInit, normInit, requireInitialization } from "../init.js";

export interface ProjectionHeadOptions {
  /**
   * "paper" (default): GELU after every hidden layer, a linear layer last. "official", SiT's code: ReLU after the
   * first, GELU after the others, and a batch norm without scale and shift at the end. "moco-v3": ReLU after every hidden
   * layer, the same end, no biases in the linear layers (Chen et al. 2021).
   */
  readonly variant?: "paper" | "official" | "moco-v3";
  /** Features of a token. */
  readonly width: number;
  /** Features of the hidden layers (default 4096). */
  readonly hidden?: number;
  /** Features of the embedding (default 256). */
  readonly output?: number;
  /** Linear layers, the last one included, at least 2 (default 3). */
  readonly layers?: number;
  /** How the linear layers start: "truncated-normal" (default) or "xavier", better for narrow networks. */
  readonly initialization?: Initialization;
}

type Variant = NonNullable<ProjectionHeadOptions["variant"]>;

/** In what the variants differ. */
const variants: Readonly<Record<Variant, VariantPlan>> = {
  paper: { prefix: "mlp.", bias: true, normalisesLast: false, activation: () => gelu },
  official: { prefix: "mlp.", bias: true, normalisesLast: true, activation: (i) => (i === 0 ? relu : gelu) },
  "moco-v3": { prefix: "", bias: false, normalisesLast: true, activation: () => relu },
};

interface VariantPlan {
  /** Of the parameters' names. */
  readonly prefix: string;
  /** Of the linear layers. */
  readonly bias: boolean;
  /** By a batch norm without scale and shift. */
  readonly normalisesLast: boolean;
  /** After the linear layer with that number. */
  readonly activation: (layer: number) => (x: tf.Tensor) => tf.Tensor;
}

/** Batch norm's share of the new batch in the running statistics, PyTorch's default. */
const MOMENTUM = 0.1;

/**
 * From the class-like token to the embedding that contrastive losses compare (SiT, Atito et al. 2021): linear
 * layers with batch norm (epsilon 1e-5) between them. Parameters and buffers are `mlp.0`, `mlp.1`, …, counting
 * activations, as in SiT's code; `0`, `1`, … for "moco-v3", whose projector and predictor are heads of this kind
 * (`mocoHeads`).
 *
 * In training `apply` normalises by the batch's statistics and returns `buffers`, the new running mean, running
 * unbiased variance and count of every batch norm; in evaluation it uses the running ones and returns none.
 *
 * @returns a head from tokens [batch, width] to embeddings [batch, output], not normalised to length 1
 * @throws SitError "bad-option" here; from `apply` "bad-shape", also for a training batch below 2
 */
export function projectionHead(options: ProjectionHeadOptions): TokenHead {
  const { variant = "paper", width, hidden = 4096, output = 256, layers = 3 } = options;
  const { initialization = "truncated-normal" } = options;
  requireInitialization(initialization);
  const known = Object.keys(variants);
  requireOption(known.includes(variant), "variant", known.map((name) => `"${name}"`).join(", "), variant);
  requirePositive({ width, hidden, output, layers });
  requireOption(layers >= 2, "layers", "at least 2", layers);
  const { prefix, bias, normalisesLast, activation } = variants[variant];
  const plan = Array.from({ length: layers }, (_, i) => ({
    linear: `${prefix}${3 * i}`,
    norm: `${prefix}${3 * i + 1}`,
    inFeatures: i === 0 ? width : hidden,
    outFeatures: i === layers - 1 ? output : hidden,
    last: i === layers - 1,
    normalises: normalisesLast || i < layers - 1,
    activation: activation(i),
  }));

  return {
    name: `projection-${variant}`,
    settings: { variant, width, hidden, output, layers, initialization },

    init: (rng: RandomStream): Params =>
      Object.assign(
        {},
        ...plan.map((layer) => ({
          ...linearInit(rng, layer.linear, layer.outFeatures, layer.inFeatures, { bias, initialization }),
          ...(layer.normalises && !layer.last ? normInit(layer.norm, layer.outFeatures) : {}),
          ...(layer.normalises ? buffersInit(layer.norm, layer.outFeatures) : {}),
        })),
      ),

    apply(params, input, { train }) {
      requireShape("tokens", input, [-1, width]);
      return tf.tidy(() => {
        const buffers: Record<string, tf.Tensor> = {};
        let x = input;
        for (const layer of plan) {
          const weight = param(params, `${layer.linear}.weight`);
          x = linear(x, weight, bias ? param(params, `${layer.linear}.bias`) : undefined) as tf.Tensor2D;
          if (layer.normalises) {
            const scale = layer.last ? undefined : param(params, `${layer.norm}.weight`);
            const shift = layer.last ? undefined : param(params, `${layer.norm}.bias`);
            if (train) {
              const normal = batchNorm(x, scale, shift);
              Object.assign(buffers, newBuffers(params, layer.norm, normal, x.shape[0]));
              x = normal.output;
            } else {
              const mean = param(params, `${layer.norm}.running_mean`);
              x = batchNormInference(x, mean, param(params, `${layer.norm}.running_var`), scale, shift);
            }
          }
          if (!layer.last) x = layer.activation(x) as tf.Tensor2D;
        }
        return { output: x, buffers };
      });
    },
  };
}

function relu(x: tf.Tensor): tf.Tensor {
  return tf.relu(x);
}

function buffersInit(name: string, features: number): Params {
  return {
    [`${name}.running_mean`]: tf.zeros([features]),
    [`${name}.running_var`]: tf.ones([features]),
    [`${name}.num_batches_tracked`]: tf.scalar(0, "int32"),
  };
}

/** Running statistics after a batch; the running variance takes the unbiased one, as in PyTorch. */
function newBuffers(
  params: Params,
  name: string,
  batch: { readonly mean: tf.Tensor; readonly variance: tf.Tensor },
  rows: number,
): Params {
  const moved = (buffer: string, value: tf.Tensor, factor: number): tf.Tensor =>
    tf.add(tf.mul(param(params, `${name}.${buffer}`), 1 - MOMENTUM), tf.mul(value, MOMENTUM * factor));
  return {
    [`${name}.running_mean`]: moved("running_mean", batch.mean, 1),
    [`${name}.running_var`]: moved("running_var", batch.variance, rows / (rows - 1)),
    [`${name}.num_batches_tracked`]: tf.add(
      param(params, `${name}.num_batches_tracked`),
      tf.scalar(1, "int32"),
    ),
  };
}
