// A backbone without attention: each patch is mixed with its neighbours by averaging.
import {
  type Backbone,
  layerNorm,
  linear,
  type Params,
  param,
  patchify,
  perceptronResidual,
  requireOption,
  SitError,
  truncatedNormal,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { boxMean } from "./box-mean.js";

export interface PoolFormerOptions {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  /** Default 3. */
  readonly channels?: number;
  /** Side of the square of patches that is averaged, odd; default 3. */
  readonly pool?: number;
}

/**
 * PoolFormer (Yu et al. 2022, "MetaFormer is actually what you need for vision"), of one width throughout and with layer
 * norm for its group norm. The token of the image is the mean of its patches. Takes images of any size that patches
 * divide, has no attention maps, and cannot leave out or replace patches.
 *
 * @throws SitError "bad-option"; from `apply` "bad-shape", and "bad-option" for `visible` and `masked`
 */
export function poolFormer(options: PoolFormerOptions): Backbone {
  const { imageSize, patchSize, width, depth, channels = 3, pool = 3 } = options;
  for (const [name, value] of Object.entries({ imageSize, patchSize, width, depth, channels, pool })) {
    requireOption(Number.isSafeInteger(value) && value > 0, name, "a whole number above 0", value);
  }
  requireOption(pool % 2 === 1, "pool", "an odd number of patches", pool);
  requireOption(imageSize % patchSize === 0, "patchSize", `a number that divides ${imageSize}`, patchSize);
  const hidden = 4 * width;
  const norm = (name: string): Params => ({
    [`${name}.weight`]: tf.ones([width]),
    [`${name}.bias`]: tf.zeros([width]),
  });
  const normed = (params: Params, name: string, x: tf.Tensor) =>
    layerNorm(x, param(params, `${name}.weight`), param(params, `${name}.bias`)) as tf.Tensor3D;

  /** [batch, patches, width]: what is around each patch, less the patch itself, added to it; then a perceptron. */
  const block = (
    params: Params,
    name: string,
    x: tf.Tensor3D,
    rows: number,
    columns: number,
  ): tf.Tensor3D => {
    const [batch, patches] = x.shape;
    const before = normed(params, `${name}.norm1`, x);
    const grid = tf.reshape(before, [batch, rows, columns, width]) as tf.Tensor4D;
    const around = tf.reshape(boxMean(grid, pool), [batch, patches, width]);
    const mixed = tf.add(x, tf.sub(around, before));
    const perceptron = {
      weight1: param(params, `${name}.mlp.fc1.weight`),
      bias1: param(params, `${name}.mlp.fc1.bias`),
      weight2: param(params, `${name}.mlp.fc2.weight`),
      bias2: param(params, `${name}.mlp.fc2.bias`),
    };
    return perceptronResidual(normed(params, `${name}.norm2`, mixed), perceptron, {
      onto: mixed,
    }) as tf.Tensor3D;
  };

  return {
    name: `pool-former-${width}x${depth}-patch${patchSize}`,
    ...{ imageSize, patchSize, width, depth, channels },
    settings: { imageSize, patchSize, width, depth, channels, pool },

    init: (rng) => {
      const weight = (name: string, shape: number[]): Params => ({
        [`${name}.weight`]: truncatedNormal(rng.fork(name), shape),
        [`${name}.bias`]: tf.zeros([shape[0] as number]),
      });
      const blocks = Array.from({ length: depth }, (_, i) => ({
        ...norm(`blocks.${i}.norm1`),
        ...norm(`blocks.${i}.norm2`),
        ...weight(`blocks.${i}.mlp.fc1`, [hidden, width]),
        ...weight(`blocks.${i}.mlp.fc2`, [width, hidden]),
      }));
      const embedding = weight("patch_embed.proj", [width, channels, patchSize, patchSize]);
      return Object.assign({}, embedding, ...blocks, norm("norm"));
    },

    apply(params, images, { blocks: wanted = false, visible, masked }) {
      requireOption(visible === undefined, "visible", "none: every patch is averaged", "indices");
      requireOption(masked === undefined, "masked", "none: patches are not replaced", "a mask");
      const [, height, breadth] = images.shape;
      if (images.rank !== 4 || images.shape[3] !== channels || height % patchSize || breadth % patchSize) {
        throw new SitError(
          "bad-shape",
          `images: expected ${channels} channels and sides that ${patchSize} divides, got [${images.shape}]`,
        );
      }
      return tf.tidy(() => {
        const projection = [
          param(params, "patch_embed.proj.weight"),
          param(params, "patch_embed.proj.bias"),
        ] as const;
        let x = linear(patchify(images, patchSize), ...projection) as tf.Tensor3D;
        const withToken = (patches: tf.Tensor3D) =>
          tf.concat3d([tf.mean(patches, 1, true) as tf.Tensor3D, patches], 1);
        const blocks: tf.Tensor3D[] = [];
        for (let i = 0; i < depth; i++) {
          x = block(params, `blocks.${i}`, x, height / patchSize, breadth / patchSize);
          if (wanted) blocks.push(withToken(x));
        }
        const final = (tokens: tf.Tensor3D) => normed(params, "norm", tokens);
        const tokens = final(withToken(x));
        return { tokens, blocks: wanted === "normalized" ? blocks.map(final) : blocks, attention: [] };
      });
    },
  };
}
