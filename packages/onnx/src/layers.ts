import type { Params } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { type Graph, shaped, type Value } from "./graph.js";

/** A linear layer of PyTorch's layout: `weight` [features, inputs] and, where there is one, `bias` [features]. */
export interface LinearLayer {
  readonly weight: () => tf.Tensor;
  readonly bias?: () => tf.Tensor;
}

/** The layer whose parameters are `name.weight` and `name.bias`; without a dot where the name is empty. */
export function linearLayer(params: Params, name: string, features: number, inputs: number): LinearLayer {
  const prefix = name === "" ? "" : `${name}.`;
  return {
    weight: () => shaped(params, `${prefix}weight`, [features, inputs]),
    bias: () => shaped(params, `${prefix}bias`, [features]),
  };
}

/** ONNX multiplies [inputs, features] from the right, so the weight is there transposed. */
export function addLinear(graph: Graph, name: string, input: Value, { weight, bias }: LinearLayer): Value {
  const transposed = graph.constant(`${name}.weight_transposed`, () => tf.transpose(weight()));
  const product = graph.node("MatMul", `${name}/MatMul`, [input, transposed]);
  if (bias === undefined) return product;
  const constant = graph.constant(`${name}.bias`, () => tf.clone(bias()));
  return graph.node("Add", `${name}/Add`, [product, constant]);
}

/** Over the features, as `layerNorm` of core. */
export function addLayerNorm(
  graph: Graph,
  name: string,
  input: Value,
  { params, width, epsilon }: { readonly params: Params; readonly width: number; readonly epsilon: number },
): Value {
  const constant = (part: string) =>
    graph.constant(`${name}.${part}`, () => tf.clone(shaped(params, `${name}.${part}`, [width])));
  return graph.node(
    "LayerNormalization",
    `${name}/LayerNormalization`,
    [input, constant("weight"), constant("bias")],
    {
      axis: { int: -1 },
      epsilon: { float: epsilon },
    },
  );
}

/** The exact GELU, x Φ(x): an operator of its own from opset 20 on, before that by erf. */
export function addGelu(graph: Graph, name: string, input: Value): Value {
  if (graph.opset >= 20) {
    return graph.node("Gelu", `${name}/Gelu`, [input], { approximate: { string: "none" } });
  }
  const scaled = graph.node("Mul", `${name}/scale`, [input, graph.number(Math.SQRT1_2)]);
  const erf = graph.node("Erf", `${name}/Erf`, [scaled]);
  const shifted = graph.node("Add", `${name}/shift`, [erf, graph.number(1)]);
  const product = graph.node("Mul", `${name}/Mul`, [input, shifted]);
  return graph.node("Mul", `${name}/half`, [product, graph.number(0.5)]);
}

/** What stands for an image: its class-like token, the mean of its patches, or both joined. */
export type Pooling = "token" | "mean" | "token+mean";

/** From tokens [batch, 1 + patches, width] to [batch, width], or twice that for both. */
export function addPooling(graph: Graph, tokens: Value, pooling: Pooling): Value {
  const parts: Value[] = [];
  if (pooling !== "mean") {
    parts.push(graph.node("Gather", "pooling/token", [tokens, graph.integers(0)], { axis: { int: 1 } }));
  }
  if (pooling !== "token") {
    const [start, end, axis] = [graph.integers([1]), graph.integers([2 ** 31 - 1]), graph.integers([1])];
    const patches = graph.node("Slice", "pooling/patches", [tokens, start, end, axis]);
    parts.push(addMean(graph, patches));
  }
  const [first, second] = parts as [Value, Value?];
  return second === undefined
    ? first
    : graph.node("Concat", "pooling/both", [first, second], { axis: { int: 1 } });
}

/** Over axis 1, which ONNX names in an attribute before opset 18 and in an input from there on. */
function addMean(graph: Graph, patches: Value): Value {
  const keepdims = { int: 0 };
  return graph.opset >= 18
    ? graph.node("ReduceMean", "pooling/mean", [patches, graph.integers([1])], { keepdims })
    : graph.node("ReduceMean", "pooling/mean", [patches], { axes: { ints: [1] }, keepdims });
}
