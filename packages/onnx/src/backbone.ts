import type { Params } from "@sitjs/core";
import {
  type CompleteVisionTransformerOptions,
  relativePositionBias,
  relativePositions,
  tokenOffsets,
} from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { type Graph, shaped, type Value } from "./graph.js";
import { addGelu, addLayerNorm, addLinear, type LinearLayer, linearLayer } from "./layers.js";

/** What every block is made with. */
interface Block {
  readonly params: Params;
  readonly options: CompleteVisionTransformerOptions;
  /** 1 + patches. */
  readonly tokens: number;
  /** [heads, tokens, tokens], added to the scores. */
  readonly bias: Value | undefined;
}

/** What the network is given. */
export interface ImageShape {
  readonly imageSize: number;
  readonly inputChannels: number;
}

/** Shares of red, green and blue in a grey level (ITU-R BT.601), as images are decoded to one channel. */
const luma = [0.299, 0.587, 0.114];

/**
 * The vision transformer of `@sitjs/vit` without what is of training alone.
 *
 * @param images [batch, inputChannels, imageSize, imageSize], sides in pixels; positions are interpolated where they
 *   are others than the network's own
 * @returns the tokens after the final norm, [batch, 1 + patches, width]
 */
export function addBackbone(
  graph: Graph,
  images: Value,
  params: Params,
  options: CompleteVisionTransformerOptions,
  { imageSize, inputChannels }: ImageShape,
): Value {
  const { patchSize, width, depth, heads, layerNormEpsilon } = options;
  const side = imageSize / patchSize;
  const tokens = 1 + side * side;
  let x = addEmbedding(graph, images, params, options, { side, inputChannels });
  const bias = options.relativePositions
    ? graph.constant("relative_position_bias", () =>
        relativePositionBias(params, heads, relativePositions(options.imageSize / patchSize, [side, side])),
      )
    : undefined;
  for (let i = 0; i < depth; i++) x = addBlock(graph, `blocks.${i}`, x, { params, options, tokens, bias });
  return addLayerNorm(graph, "norm", x, { params, width, epsilon: layerNormEpsilon });
}

/** Patches as tokens, a row for the class-like one, and then all that does not depend on the image, added at once. */
function addEmbedding(
  graph: Graph,
  images: Value,
  params: Params,
  { width, channels, patchSize, ...options }: CompleteVisionTransformerOptions,
  { side, inputChannels }: { readonly side: number; readonly inputChannels: number },
): Value {
  const name = "patch_embed.proj";
  const weight = graph.constant(`${name}.weight`, () => {
    const own = shaped(params, `${name}.weight`, [width, channels, patchSize, patchSize]);
    return inputChannels === channels ? tf.clone(own) : tf.mul(own, tf.tensor4d(luma, [1, 3, 1, 1]));
  });
  const bias = graph.constant(`${name}.bias`, () => tf.clone(shaped(params, `${name}.bias`, [width])));
  const ints = [patchSize, patchSize];
  const patches = graph.node("Conv", `${name}/Conv`, [images, weight, bias], {
    kernel_shape: { ints },
    strides: { ints },
  });
  const rows = graph.transpose(
    `${name}/Transpose`,
    graph.reshape(`${name}/Reshape`, patches, [0, width, side * side]),
    [0, 2, 1],
  );
  const room = graph.node("Pad", "embeddings/room_for_token", [rows, graph.integers([0, 1, 0, 0, 0, 0])]);
  const offsets = tokenOffsets({ ...options, width, patchSize });
  const constant = graph.constant("token_and_positions", () => offsets(params, side, side));
  return graph.node("Add", "embeddings/Add", [room, constant]);
}

function addBlock(graph: Graph, name: string, x: Value, block: Block): Value {
  const { params, options } = block;
  const { width, mlpRatio, layerNormEpsilon: epsilon } = options;
  const hidden = Math.trunc(width * mlpRatio);
  const norm = (layer: string, input: Value) =>
    addLayerNorm(graph, `${name}.${layer}`, input, { params, width, epsilon });

  const qkv = addLinear(graph, `${name}.attn.qkv`, norm("norm1", x), qkvLayer(name, block));
  const mixed = addAttention(graph, `${name}.attn`, qkv, block);
  const projection = scaledLayer(block, `${name}.attn.proj`, `${name}.gamma_1`, width);
  const attended = graph.node("Add", `${name}/attended`, [
    x,
    addLinear(graph, `${name}.attn.proj`, mixed, projection),
  ]);

  const first = linearLayer(params, `${name}.mlp.fc1`, hidden, width);
  const inner = addLinear(graph, `${name}.mlp.fc1`, norm("norm2", attended), first);
  const second = scaledLayer(block, `${name}.mlp.fc2`, `${name}.gamma_2`, hidden);
  const outer = addLinear(graph, `${name}.mlp.fc2`, addGelu(graph, `${name}.mlp.act`, inner), second);
  return graph.node("Add", `${name}/output`, [attended, outer]);
}

/** softmax(q kᵀ / √headDim + bias) v, all heads at once. */
function addAttention(graph: Graph, name: string, qkv: Value, { options, tokens, bias }: Block): Value {
  const { heads, width } = options;
  const headDim = width / heads;
  const parts = graph.transpose(
    `${name}/heads`,
    graph.reshape(`${name}/parts`, qkv, [0, tokens, 3, heads, headDim]),
    [2, 0, 3, 1, 4],
  ); // [3, batch, heads, tokens, headDim]
  const part = (of: string, index: number) =>
    graph.node("Gather", `${name}/${of}`, [parts, graph.integers(index)], { axis: { int: 0 } });
  const scaled = graph.node("Mul", `${name}/scale`, [part("q", 0), graph.number(1 / Math.sqrt(headDim))]);
  const keys = graph.transpose(`${name}/keys`, part("k", 1), [0, 1, 3, 2]);
  const products = graph.node("MatMul", `${name}/scores`, [scaled, keys]);
  const scores = bias === undefined ? products : graph.node("Add", `${name}/biased`, [products, bias]);
  const weights = graph.node("Softmax", `${name}/weights`, [scores], { axis: { int: -1 } });
  const mixed = graph.node("MatMul", `${name}/mixed`, [weights, part("v", 2)]);
  return graph.reshape(`${name}/joined`, graph.transpose(`${name}/tokens`, mixed, [0, 2, 1, 3]), [
    0,
    tokens,
    width,
  ]);
}

function qkvLayer(name: string, { params, options: { width, qkvBias } }: Block): LinearLayer {
  const weight = () => shaped(params, `${name}.attn.qkv.weight`, [3 * width, width]);
  if (qkvBias === false) return { weight };
  if (qkvBias === true) return { weight, bias: () => shaped(params, `${name}.attn.qkv.bias`, [3 * width]) };
  const bias = (of: string) => shaped(params, `${name}.attn.${of}_bias`, [width]);
  return { weight, bias: () => tf.concat([bias("q"), tf.zeros([width]), bias("v")]) };
}

/** The last layer of a branch, with its layer scale multiplied into its rows. */
function scaledLayer({ params, options }: Block, name: string, gamma: string, inputs: number): LinearLayer {
  const { width, layerScale } = options;
  const { weight, bias } = linearLayer(params, name, width, inputs);
  if (layerScale === undefined || bias === undefined) return { weight, ...(bias && { bias }) };
  const factor = () => shaped(params, gamma, [width]);
  return {
    weight: () => tf.mul(weight(), tf.reshape(factor(), [width, 1])),
    bias: () => tf.mul(bias(), factor()),
  };
}
