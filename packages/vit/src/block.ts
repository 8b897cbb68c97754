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
import type * as tf from "@tensorflow/tfjs";
import { type Initialization, linearInit, normInit } from "./init.js";

export interface BlockOptions {
  readonly width: number;
  readonly heads: number;
  /** Features between the two layers of the perceptron. */
  readonly hidden: number;
  readonly qkvBias: boolean;
  readonly layerNormEpsilon: number;
  readonly initialization: Initialization;
}

/** Parameters of the block `name` (`blocks.0`), by timm's names. */
export function initBlock(rng: RandomStream, name: string, options: BlockOptions): Params {
  const { width, hidden, qkvBias, initialization } = options;
  return {
    ...normInit(`${name}.norm1`, width),
    ...linearInit(rng, `${name}.attn.qkv`, 3 * width, width, { bias: qkvBias, initialization }),
    ...linearInit(rng, `${name}.attn.proj`, width, width, { initialization }),
    ...normInit(`${name}.norm2`, width),
    ...linearInit(rng, `${name}.mlp.fc1`, hidden, width, { initialization }),
    ...linearInit(rng, `${name}.mlp.fc2`, width, hidden, { initialization }),
  };
}

/**
 * One pre-norm transformer block (Dosovitskiy et al. 2021): attention, then a two-layer perceptron, each added to
 * its input.
 *
 * @param x [batch, tokens, width]
 * @param dropPath probability that a sample skips a branch; draws from `rng`
 * @param wantsWeights also return the attention maps
 * @returns `output` like x, `weights` [batch, heads, tokens, tokens] where asked for
 */
export function applyBlock(
  params: Params,
  name: string,
  x: tf.Tensor3D,
  options: BlockOptions,
  dropPath: number,
  rng: RandomStream | undefined,
  wantsWeights = false,
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
    const qkv = linear(
      norm("norm1", x),
      param(params, `${name}.attn.qkv.weight`),
      options.qkvBias ? param(params, `${name}.attn.qkv.bias`) : undefined,
    ) as tf.Tensor3D;
    const attended = linearResidual(
      attention(qkv, options.heads),
      param(params, `${name}.attn.proj.weight`),
      param(params, `${name}.attn.proj.bias`),
      { onto: x, scale: scale("attention") },
    );
    const output = perceptronResidual(
      norm("norm2", attended),
      {
        weight1: param(params, `${name}.mlp.fc1.weight`),
        bias1: param(params, `${name}.mlp.fc1.bias`),
        weight2: param(params, `${name}.mlp.fc2.weight`),
        bias2: param(params, `${name}.mlp.fc2.bias`),
      },
      { onto: attended, scale: scale("mlp") },
    ) as tf.Tensor3D;
    return wantsWeights ? { output, weights: attentionWeights(qkv, options.heads) } : { output };
  });
}
