import { type Params, param } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";

/** The tensors of these names in this order, as inputs of a kernel that takes lists. */
export function numbered(list: string, names: readonly string[], params: Params): Record<string, tf.Tensor> {
  return Object.fromEntries(names.map((name, i) => [`${list} ${i}`, param(params, name)]));
}
