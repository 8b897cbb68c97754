import type * as tf from "@tensorflow/tfjs";
import { randomNormal } from "../ops/random.js";
import { randomStream } from "../random.js";

/** Standard normal numbers, the same for the same name. */
export function drawn<T extends tf.Tensor>(shape: readonly number[], name: string): T {
  return randomNormal(shape, randomStream(0, "conformance", name)) as T;
}

/** Every bit of a tensor, and its shape: two are equal where the tensors are. NaN, 0 and -0 are told apart. */
export function bitsOf(tensor: tf.Tensor): string {
  const { buffer, byteOffset, byteLength } = tensor.dataSync();
  return `${tensor.dtype}[${tensor.shape}] ${new Uint8Array(buffer, byteOffset, byteLength).join()}`;
}

/** The bits of all of them, by name. */
export function bitsOfAll(tensors: Readonly<Record<string, tf.Tensor>>): string {
  const names = Object.keys(tensors).sort();
  return names.map((name) => `${name} ${bitsOf(tensors[name] as tf.Tensor)}`).join("\n");
}

/** True where every number of the tensor is finite. */
export function allFinite(tensor: tf.Tensor): boolean {
  return tensor.dataSync().every(Number.isFinite);
}

export const shapeText = ({ shape }: { readonly shape: readonly number[] }) => `[${shape.join(", ")}]`;
