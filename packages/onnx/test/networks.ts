import { disposeParams, type Params, randomNormal, randomStream } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import { type VisionTransformerOptions, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { type ForeignTensor, loadOnnxRuntime } from "../../../interop/load.js";

export const onnxRuntime = loadOnnxRuntime();

/** 16 patches, two blocks of three heads. */
export const small = { imageSize: 16, patchSize: 4, channels: 3, width: 24, depth: 2, heads: 3 } as const;

/** Parameters of which none is a constant: a bias of 0 or a scale of 1 would hide that it is left out. */
export function scattered(params: Params, name: string): Params {
  const moved = tf.tidy(() =>
    Object.fromEntries(
      Object.entries(params).map(([key, tensor]) => [
        key,
        tf.add(tensor, tf.mul(randomNormal(tensor.shape, randomStream(3, name, key)), 0.1)),
      ]),
    ),
  );
  disposeParams(params);
  return moved;
}

export function network(options: VisionTransformerOptions) {
  const backbone = visionTransformer(options);
  return { backbone, params: scattered(backbone.init(randomStream(1)), "backbone") };
}

/** Normalised images [batch, side, side, channels]. */
export function pictures(batch: number, side: number, channels: number): tf.Tensor4D {
  return randomNormal([batch, side, side, channels], randomStream(2, batch)) as tf.Tensor4D;
}

/** The same images as a file takes them, [batch, channels, side, side]. */
export async function planes(images: tf.Tensor4D): Promise<{ data: Float32Array; dims: number[] }> {
  const turned = tf.transpose(images, [0, 3, 1, 2]);
  return { data: (await turned.data()) as Float32Array, dims: turned.shape };
}

/** What onnxruntime makes of a file and of images [batch, side, side, channels]. */
export async function run(file: Uint8Array, images: tf.Tensor4D): Promise<Record<string, ForeignTensor>> {
  const { InferenceSession, Tensor } = onnxRuntime.library;
  const session = await InferenceSession.create(file);
  const { data, dims } = await planes(images);
  return await session.run({ pixel_values: new Tensor("float32", data, dims) });
}

/** The largest difference of an output from what it should be, their shapes being the same. */
export async function difference(found: unknown, expected: tf.Tensor): Promise<number> {
  const { dims, data } = found as ForeignTensor;
  expect(dims).toEqual(expected.shape);
  return closeness(data, (await expected.data()) as Float32Array).maxAbsolute;
}

/** Float32 sums in another order, of values that are about 3 at most. */
export const tolerance = 1e-5;
