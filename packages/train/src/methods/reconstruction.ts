import {
  type Backbone,
  type Corruption,
  type HeadOutputs,
  type ImageHead,
  type Params,
  partRecord,
  type RandomStream,
  type ReconstructionLoss,
  tidy,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, Reconstruction } from "../method.js";
import { sitRecipe } from "../recipe.js";
import { BACKBONE, encode, headAndLoss, initBackbone, patchGrid, patchTokens } from "./tokens.js";

/** From patch tokens back to pixels, and what tells how good they are. */
export interface PixelDecoderOptions {
  readonly head: ImageHead;
  readonly loss: ReconstructionLoss;
}

/** Images before and after a corruption, and where it was: all [images, height, width, channels], the mask 1 channel. */
export interface CorruptedImages {
  readonly clean: tf.Tensor4D;
  readonly images: tf.Tensor4D;
  readonly mask: tf.Tensor4D;
}

/** All views below each other, [view 1; view 2; …], each corrupted with a stream of its own. */
export function corruptViews(
  corruption: Corruption,
  views: readonly tf.Tensor4D[],
  rng: RandomStream,
): CorruptedImages {
  const corrupted = views.map((view, i) => corruption.corrupt(view, rng.fork("corruption", i)));
  const images = corrupted.map((view) => view.images);
  const mask = corrupted.map((view) => view.mask);
  return { clean: tf.concat4d([...views], 0), images: tf.concat4d(images, 0), mask: tf.concat4d(mask, 0) };
}

/** A light decoder as a part of a method. */
export interface PixelDecoder {
  /** Its parameters, under the prefix. */
  init(rng: RandomStream): Params;
  /** From all tokens of images of this shape to their pixels; buffers under the prefix. */
  decode(
    student: Params,
    tokens: tf.Tensor3D,
    shape: readonly number[],
    context: { readonly train: boolean },
  ): HeadOutputs<tf.Tensor4D>;
  /** How far the decoded pixels are from the clean ones, in training. */
  loss(
    student: Params,
    tokens: tf.Tensor3D,
    of: Pick<CorruptedImages, "clean" | "mask">,
  ): { readonly loss: tf.Scalar; readonly buffers: Params };
  /** Images corrupted, encoded without drop path, and decoded; the caller's. */
  reconstruct(
    corruption: Corruption,
    student: Params,
    images: tf.Tensor4D,
    rng: RandomStream,
  ): Reconstruction;
}

/** @param prefix of its parameters; by default that of the official SiT checkpoints */
export function pixelDecoder(
  backbone: Backbone,
  { head, loss }: PixelDecoderOptions,
  prefix = "head_recons.",
): PixelDecoder {
  const decode: PixelDecoder["decode"] = (student, tokens, shape, context) => {
    const input = { patches: patchTokens(tokens), grid: patchGrid(backbone, shape) };
    const { output, buffers } = head.apply(withoutPrefix(prefix, student), input, context);
    return { output, buffers: withPrefix(prefix, buffers) };
  };
  return {
    init: (rng) => withPrefix(prefix, head.init(rng)),
    decode,
    loss(student, tokens, { clean, mask }) {
      const { output, buffers } = decode(student, tokens, clean.shape, { train: true });
      return { loss: loss.loss(output, clean, mask), buffers };
    },
    reconstruct: (corruption, student, images, rng) =>
      tidy(() => {
        const { images: corrupted, mask } = corruption.corrupt(images, rng);
        const tokens = encode(backbone, student, corrupted, { train: false });
        const { output } = decode(student, tokens, images.shape, { train: false });
        return { corrupted, mask, reconstruction: output };
      }),
  };
}

export interface ReconstructionMethodOptions extends PixelDecoderOptions {
  readonly backbone: Backbone;
  /** What is taken from the images. */
  readonly corruption: Corruption;
}

/** Corrupt one view, encode it, decode it, compare with the clean one: no teacher, no other task. */
export function reconstructionMethod(
  name: string,
  options: ReconstructionMethodOptions,
): Method & Required<Pick<Method, "reconstruct">> {
  const { backbone, corruption } = options;
  const decoder = pixelDecoder(backbone, options);
  return {
    name,
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: sitRecipe,
    settings: { corruption: partRecord(corruption), ...headAndLoss(options) },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...decoder.init(rng.fork("reconstruction")),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const corrupted = corruptViews(corruption, views, rng);
      return {
        teacherBuffers: {},
        loss(student) {
          const context = { train: true, rng: rng.fork("drop path") };
          const tokens = encode(backbone, student, corrupted.images, context);
          const { loss, buffers } = decoder.loss(student, tokens, corrupted);
          return { loss, parts: {}, buffers };
        },
      };
    },

    reconstruct: (student, images, rng) => decoder.reconstruct(corruption, student, images, rng),
  };
}
