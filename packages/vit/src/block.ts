import {
  attention,
  attentionWeights,
  dropPathScale,
  layerNorm,
  linear,
  linearResidual,
  type Params,
  param,
  perceptronResidual,
  type RandomStream,
  tidy,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./check.js";
import { type BackboneInitialization, linearInit, normInit } from "./init.js";

export interface BlockOptions {
  readonly width: number;
  readonly heads: number;
  /** Features between the two layers of the perceptron. */
  readonly hidden: number;
  /** A bias on queries, keys and values; "query-value": two parameters, and none on the keys. */
  readonly qkvBias: boolean | "query-value";
  /** Where branches' scales by feature start, or undefined where there are none. */
  readonly layerScale?: number | undefined;
  readonly layerNormEpsilon: number;
  readonly initialization: BackboneInitialization;
}

/** Parameters of the block `name` (`blocks.0`), by timm's names. */
export function initBlock(rng: RandomStream, name: string, options: BlockOptions): Params {
  const { width, hidden, qkvBias, layerScale, initialization } = options;
  const apart = qkvBias === "query-value";
  return {
    ...(layerScale === undefined
      ? {}
      : {
          [`${name}.gamma_1`]: tf.fill([width], layerScale),
          [`${name}.gamma_2`]: tf.fill([width], layerScale),
        }),
    ...(apart
      ? { [`${name}.attn.q_bias`]: tf.zeros([width]), [`${name}.attn.v_bias`]: tf.zeros([width]) }
      : {}),
    ...normInit(`${name}.norm1`, width),
    ...linearInit(rng, `${name}.attn.qkv`, 3 * width, width, {
      bias: qkvBias === true,
      initialization,
      parts: initialization === "moco-v3" ? 3 : 1,
    }),
    ...linearInit(rng, `${name}.attn.proj`, width, width, { initialization }),
    ...normInit(`${name}.norm2`, width),
    ...linearInit(rng, `${name}.mlp.fc1`, hidden, width, { initialization }),
    ...linearInit(rng, `${name}.mlp.fc2`, width, hidden, { initialization }),
  };
}

/** What a block is told beside its input. */
export interface BlockContext {
  /** Probability that a sample skips a branch; draws from `rng`. */
  readonly dropPath: number;
  readonly rng?: RandomStream | undefined;
  /** [heads, tokens, tokens], added to the scores of attention. */
  readonly bias?: tf.Tensor3D | undefined;
  /** Also return the attention maps. */
  readonly attention?: boolean | undefined;
}

/**
 * One pre-norm transformer block (Dosovitskiy et al. 2021): attention, then a two-layer perceptron, each added to
 * its input.
 *
 * @param x [batch, tokens, width]
 * @returns `output` like x, `weights` [batch, heads, tokens, tokens] where asked for
 */
export function applyBlock(
  params: Params,
  name: string,
  x: tf.Tensor3D,
  options: BlockOptions,
  { dropPath, rng, bias, attention: wantsWeights = false }: BlockContext,
): { output: tf.Tensor3D; weights?: tf.Tensor4D } {
  return tidy(() => {
    const norm = (layer: string, input: tf.Tensor): tf.Tensor =>
      layerNorm(
        input,
        param(params, `${name}.${layer}.weight`),
        param(params, `${name}.${layer}.bias`),
        options.layerNormEpsilon,
      );
    const scale = (branch: string) => dropPathScale(x.shape[0], dropPath, rng?.fork(branch));
    const last = (layer: string, gamma: string) => lastLayer(params, name, layer, gamma, options);
    const qkv = linear(
      norm("norm1", x),
      param(params, `${name}.attn.qkv.weight`),
      qkvBiasOf(params, name, options),
    ) as tf.Tensor3D;
    const projection = last("attn.proj", "gamma_1");
    const attended = linearResidual(attention(qkv, options.heads, bias), projection.weight, projection.bias, {
      onto: x,
      scale: scale("attention"),
    });
    const second = last("mlp.fc2", "gamma_2");
    const output = perceptronResidual(
      norm("norm2", attended),
      {
        weight1: param(params, `${name}.mlp.fc1.weight`),
        bias1: param(params, `${name}.mlp.fc1.bias`),
        weight2: second.weight,
        bias2: second.bias,
      },
      { onto: attended, scale: scale("mlp") },
    ) as tf.Tensor3D;
    return wantsWeights ? { output, weights: attentionWeights(qkv, options.heads, bias) } : { output };
  });
}

function qkvBiasOf(params: Params, name: string, { qkvBias, width }: BlockOptions): tf.Tensor | undefined {
  if (qkvBias === false) return undefined;
  if (qkvBias === true) return param(params, `${name}.attn.qkv.bias`);
  const [query, value] = [param(params, `${name}.attn.q_bias`), param(params, `${name}.attn.v_bias`)];
  return tf.concat([query, tf.zeros([width]), value]);
}

/**
 * Weight and bias of the last layer of a branch. Layer scale (Touvron et al. 2021) multiplies what the layer gives by
 * feature; that is the same layer with its rows multiplied, which costs one pass over the weight and not over all tokens.
 */
function lastLayer(
  params: Params,
  name: string,
  layer: string,
  gamma: string,
  { layerScale, width }: BlockOptions,
): { weight: tf.Tensor; bias: tf.Tensor } {
  const weight = param(params, `${name}.${layer}.weight`);
  const bias = param(params, `${name}.${layer}.bias`);
  if (layerScale === undefined) return { weight, bias };
  const factor = param(params, `${name}.${gamma}`);
  requireShape(`${name}.${gamma}`, factor, [width]);
  return { weight: tf.mul(weight, tf.reshape(factor, [width, 1])), bias: tf.mul(bias, factor) };
}
