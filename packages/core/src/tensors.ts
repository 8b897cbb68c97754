import * as tf from "@tensorflow/tfjs";
import { SitError } from "./errors.js";
import { bfloat16ToFloat32, float16ToFloat32 } from "./half.js";
import type { Params } from "./module.js";
import {
  readSafetensors,
  type SafetensorsDtype,
  type SafetensorsEntry,
  writeSafetensors,
} from "./safetensors.js";

/**
 * The tensors of a safetensors file by name; the caller owns them. Floats of any width become float32, whole numbers
 * and booleans int32.
 * @throws SitError "bad-file", also for a whole number that int32 does not hold
 */
export function paramsFromSafetensors(bytes: Uint8Array, source = "safetensors"): Params {
  const { tensors } = readSafetensors(bytes, source);
  // All values first: an error must not leave tensors behind.
  const values = Object.entries(tensors).map(
    ([name, entry]) => [name, entry.shape, toValues(entry, `${source}: ${name}`)] as const,
  );
  return Object.fromEntries(values.map(([name, shape, data]) => [name, toTensor(shape, data)]));
}

/** A tensor of an entry of a safetensors file, as `paramsFromSafetensors` makes it. */
export function tensorFromSafetensors(entry: SafetensorsEntry, source: string): tf.Tensor {
  return toTensor(entry.shape, toValues(entry, source));
}

function toTensor(shape: readonly number[], data: Float32Array | Int32Array): tf.Tensor {
  return tf.tensor(data, [...shape], data instanceof Float32Array ? "float32" : "int32");
}

/** The parameters as a safetensors file (float32 as F32, int32 as I32). Waits for the device. */
export async function paramsToSafetensors(
  params: Params,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const tensors: Record<string, SafetensorsEntry> = {};
  for (const [name, tensor] of Object.entries(params)) {
    tensors[name] = { ...safetensorsType(name, tensor), data: await tensor.data() } as SafetensorsEntry;
  }
  return writeSafetensors({ tensors, metadata });
}

/**
 * What a tensor is in a safetensors file.
 * @throws SitError "bad-parameters" for other types than float32 and int32
 */
export function safetensorsType(
  name: string,
  { dtype, shape }: tf.Tensor,
): { readonly dtype: SafetensorsDtype; readonly shape: readonly number[] } {
  if (dtype === "float32") return { dtype: "F32", shape };
  if (dtype === "int32") return { dtype: "I32", shape };
  throw new SitError("bad-parameters", `${name}: expected float32 or int32, got ${dtype}`);
}

function toValues({ dtype, data }: SafetensorsEntry, source: string): Float32Array | Int32Array {
  switch (dtype) {
    case "F32":
      return data;
    case "F64":
      return Float32Array.from(data);
    case "F16":
      return float16ToFloat32(data);
    case "BF16":
      return bfloat16ToFloat32(data);
    case "I32":
      return data;
    case "U32":
    case "I64":
    case "U64":
      return Int32Array.from(data as Uint32Array | BigInt64Array, (value: number | bigint) => {
        const number = Number(value);
        if (number === (number | 0)) return number;
        throw new SitError(
          "bad-file",
          `${source}: expected values that int32 holds, got ${value} in ${dtype}`,
        );
      });
    default:
      return Int32Array.from(data);
  }
}
