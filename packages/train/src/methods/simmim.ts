import {
  type Backbone,
  type BackboneContext,
  type GroupRule,
  type ImageHead,
  type Params,
  param,
  partRecord,
  type ReconstructionLoss,
  type TokenMask,
  type TokenMasking,
  tidy,
  truncatedNormal,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { matrixDecayRules, type ParameterGroup } from "../optimizer.js";
import { type Recipe, withoutTeacher } from "../recipe.js";
import { stepDecaySchedule } from "../schedules.js";
import { type PixelDecoderOptions, pixelDecoder } from "./reconstruction.js";
import { BACKBONE, DECODER, encode, headAndLoss, initBackbone, maskedPicture } from "./tokens.js";

export interface SimmimOptions extends PixelDecoderOptions {
  /** The encoder; SimMIM's has relative positions, layer scale 0.1, no bias on keys, and drop path 0.1. */
  backbone: Backbone;
  /** Which patches the mask token replaces, for example `maskUnits({ unitSize: 32, ratio: 0.6 })`. */
  masking: TokenMasking;
  /** The decoder, for example `pixelShuffleHead(...)`. */
  readonly head: ImageHead;
  /** Compares the masked pixels, for example `maskedL1()`. */
  readonly loss: ReconstructionLoss;
}

const MASK_TOKEN = "mask_token";

/** Class token and positions do not decay either. */
const decayRules: readonly GroupRule<ParameterGroup>[] = [
  {
    covers: "class token and positions",
    matches: (name) => name === `${BACKBONE}cls_token` || name === `${BACKBONE}pos_embed`,
    value: { weightDecay: 0, learningRate: 1 },
  },
  ...matrixDecayRules,
];

/** SimMIM's for ViT-B (Xie et al. 2022 and its code): 800 epochs at batch 2048, the rate a tenth after 700. */
export const simmimRecipe: Recipe = {
  ...withoutTeacher,
  learningRate: 0.5e-4, // 1e-4 for 512
  finalLearningRate: 0.5e-5, // where the schedule ends by itself
  warmupEpochs: 10,
  learningRateSchedule: ({ base, steps, warmupSteps }) =>
    stepDecaySchedule({
      base,
      factor: 0.1,
      milestones: [Math.round((7 / 8) * steps)],
      warmupSteps,
      warmupStart: base / 200, // 5e-7 beside 1e-4
    }),
  weightDecay: [0.05, 0.05],
  adamW: { clipping: { global: 5 }, rules: decayRules },
};

/**
 * SimMIM: a simple framework for masked image modelling (Xie, Zhang, Cao, Lin, Bao, Yao, Dai, Hu 2022).
 *
 * A learned token replaces blocks of patches after the patch embedding; the encoder sees all patches, and one linear layer
 * predicts the masked pixels. One view, no teacher; a step draws which blocks are masked, and drop path.
 *
 * Parameters: the encoder's under "backbone.", the head's under "decoder.", and `mask_token` [1, 1, width].
 *
 * @throws SitError from `prepare` and `reconstruct` where the parts do not fit the images, as the parts say
 */
export function simmim(options: SimmimOptions): Method {
  const { backbone, masking } = options;
  const decoder = pixelDecoder(backbone, options, DECODER);
  return {
    name: "simmim",
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: simmimRecipe,
    settings: { masking: partRecord(masking), ...headAndLoss(options) },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...decoder.init(rng.fork("decoder")),
      [MASK_TOKEN]: truncatedNormal(rng.fork(MASK_TOKEN), [1, 1, backbone.width]),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const [images] = views as [tf.Tensor4D];
      const mask = masking.draw(sizesOf(images), rng.fork("mask"));
      return {
        teacherBuffers: {},
        loss(student) {
          const tokens = encodeMasked(student, images, mask, { train: true, rng: rng.fork("drop path") });
          const { loss, buffers } = decoder.loss(student, tokens, { clean: images, mask: mask.pixels });
          return { loss, parts: { reconstruction: loss }, buffers };
        },
      };
    },

    reconstruct: (student, images, rng) =>
      tidy(() => {
        const mask = masking.draw(sizesOf(images), rng);
        const tokens = encodeMasked(student, images, mask, { train: false });
        const { output } = decoder.decode(student, tokens, images.shape, { train: false });
        return maskedPicture(images, mask.pixels, output);
      }),
  };

  /** All tokens, where the mask token stands in for masked patches. */
  function encodeMasked(
    student: Params,
    images: tf.Tensor4D,
    { patches }: TokenMask,
    context: BackboneContext,
  ): tf.Tensor3D {
    const [batch, rows, columns] = patches.shape;
    const mask = tf.reshape(patches, [batch, rows * columns]) as tf.Tensor2D;
    const masked = { mask, token: param(student, MASK_TOKEN) };
    return encode(backbone, student, images, { ...context, masked });
  }

  function sizesOf({ shape: [batch, height, width] }: tf.Tensor4D) {
    return { batch, height, width, patchSize: backbone.patchSize };
  }
}
