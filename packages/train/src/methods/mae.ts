import {
  type Backbone,
  type BackboneContext,
  type MaskedDecoder,
  type Params,
  type PatchLoss,
  type PatchSampler,
  partRecords,
  tidy,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { fractionalCosineSchedule, type Recipe, withoutTeacher } from "../recipe.js";
import {
  BACKBONE,
  DECODER,
  encode,
  initBackbone,
  maskedPicture,
  patchGrid,
  patchMaskPixels,
} from "./tokens.js";

export interface MaeOptions {
  /** The encoder; must take `visible`, so no relative positions. MAE's has sine-cosine positions and no drop path. */
  backbone: Backbone;
  /** Which patches the encoder sees, for example `visiblePatches({ ratio: 0.75 })`. */
  sampler: PatchSampler;
  /** From the visible patches' tokens to all patches' values, for example `maskedDecoder(...)`. */
  decoder: MaskedDecoder;
  /** Compares hidden patches with the image's, for example `patchPixels({ patchSize, normalize: true })`. */
  loss: PatchLoss;
}

/** MAE's (He et al. 2022 and its code): 800 epochs or more at batch 4096. */
export const maeRecipe: Recipe = {
  ...withoutTeacher,
  learningRate: 1.5e-4,
  finalLearningRate: 0,
  warmupEpochs: 40,
  learningRateSchedule: fractionalCosineSchedule,
  weightDecay: [0.05, 0.05],
  adamW: { betas: [0.9, 0.95] },
};

/**
 * MAE: masked autoencoders (He, Chen, Xie, Li, Dollár, Girshick 2022).
 *
 * Most patches of an image are hidden. The encoder sees the others alone; a light decoder puts a mask token in the place
 * of each hidden one and predicts its pixels. One view, no teacher; a step draws which patches are visible.
 *
 * Parameters: the encoder's under "backbone.", the decoder's under "decoder.".
 *
 * @throws SitError from `prepare` and `reconstruct` where the parts do not fit the images, as the parts say
 */
export function mae({ backbone, sampler, decoder, loss }: MaeOptions): Method {
  return {
    name: "mae",
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: maeRecipe,
    settings: partRecords({ sampler, decoder, loss }),

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(DECODER, decoder.init(rng.fork("decoder"))),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const [images] = views as [tf.Tensor4D];
      const { visible, mask } = sampler.sample(patchesOf(images), rng.fork("visible patches"));

      const lossOf = (student: Params): MethodLoss => {
        const prediction = predict(student, images, visible, { train: true, rng: rng.fork("drop path") });
        const reconstruction = loss.loss(prediction, images, mask);
        return { loss: reconstruction, parts: { reconstruction }, buffers: {} };
      };
      return { loss: lossOf, teacherBuffers: {} };
    },

    reconstruct: (student, images, rng) =>
      tidy(() => {
        const { visible, mask } = sampler.sample(patchesOf(images), rng);
        const prediction = predict(student, images, visible, { train: false });
        const pixels = patchMaskPixels(mask, patchGrid(backbone, images.shape), backbone.patchSize);
        return maskedPicture(images, pixels, loss.images(prediction, images));
      }),
  };

  /** All patches' values [batch, patches, p x p x channels] from the visible ones. */
  function predict(
    student: Params,
    images: tf.Tensor4D,
    visible: tf.Tensor2D,
    context: BackboneContext,
  ): tf.Tensor3D {
    const tokens = encode(backbone, student, images, { ...context, visible });
    const input = { tokens, visible, grid: patchGrid(backbone, images.shape) };
    return decoder.apply(withoutPrefix(DECODER, student), input, context);
  }

  function patchesOf(images: tf.Tensor4D): { batch: number; patches: number } {
    const [rows, columns] = patchGrid(backbone, images.shape);
    return { batch: images.shape[0], patches: rows * columns };
  }
}
