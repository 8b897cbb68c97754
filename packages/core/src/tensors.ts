import * as tf from "@tensorflow/tfjs";
import { SitError } from "./errors.js";
import type { Params } from "./module.js";
import { readSafetensors, type SafetensorsEntry, writeSafetensors } from "./safetensors.js";

/** The tensors of a safetensors file by name; the caller owns them. U8 and I32 become int32, the rest float32. */
export function paramsFromSafetensors(bytes: Uint8Array, source?: string): Params {
  const { tensors } = readSafetensors(bytes, source);
  return Object.fromEntries(Object.entries(tensors).map(([name, entry]) => [name, toTensor(entry)]));
}

/** The parameters as a safetensors file (float32 as F32, int32 as I32). Waits for the device. */
export async function paramsToSafetensors(
  params: Params,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const tensors: Record<string, SafetensorsEntry> = {};
  for (const [name, tensor] of Object.entries(params)) {
    const data = await tensor.data();
    if (data instanceof Float32Array) tensors[name] = { dtype: "F32", shape: tensor.shape, data };
    else if (data instanceof Int32Array) tensors[name] = { dtype: "I32", shape: tensor.shape, data };
    else throw new SitError("bad-parameters", `${name}: expected float32 or int32, got ${tensor.dtype}`);
  }
  return writeSafetensors({ tensors, metadata });
}

function toTensor({ dtype, shape, data }: SafetensorsEntry): tf.Tensor {
  if (dtype === "F32") return tf.tensor(data as Float32Array, [...shape], "float32");
  if (dtype === "F64") return tf.tensor(Float32Array.from(data as Float64Array), [...shape], "float32");
  if (dtype === "I64") return tf.tensor(Int32Array.from(data as BigInt64Array, Number), [...shape], "int32");
  return tf.tensor(Int32Array.from(data as Int32Array | Uint8Array), [...shape], "int32");
}
