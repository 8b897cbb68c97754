import {
  type Backbone,
  type Corruption,
  type PartFunction,
  partRecord,
  type RandomStream,
  type RotatedImages,
  requireOption,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method } from "../method.js";
import { type Recipe, sitRecipe, withoutTeacher } from "../recipe.js";
import { type ClassTaskOptions, classTask } from "./classification.js";
import { type PixelDecoderOptions, pixelDecoder } from "./reconstruction.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone } from "./tokens.js";

export interface GmmlRotationOptions {
  backbone: Backbone;
  /** How images are corrupted, for example `gmml()`. */
  corruption: Corruption;
  /** The light decoder and its loss. */
  reconstruction: PixelDecoderOptions;
  /** What tells the angle, a head of four outputs and its loss; and how images are turned: `randomRotations`. */
  rotation: ClassTaskOptions & {
    readonly rotate: PartFunction<(images: tf.Tensor4D, rng: RandomStream) => RotatedImages>;
  };
  /** Weight of the reconstruction (default 5, as SiT's for small data sets). */
  alpha?: number;
}

const ROTATION = "head_rotation.";

/** SiT's, without its teacher: the paper names no other settings for this task. */
export const gmmlRotationRecipe: Recipe = { ...sitRecipe, ...withoutTeacher };

/**
 * Group masked model learning with rotation prediction (the geometric-transform task beside reconstruction in SiT: Atito,
 * Awais, Kittler 2021; the task itself: Gidaris, Singh, Komodakis 2018).
 *
 * Each image is turned by a random number of quarters, then corrupted. The network reconstructs the turned clean image, and
 * tells the angle by its class-like token. Total: `alpha x reconstruction + rotation`; the part
 * `accuracy` is the share of angles told right, 1/4 by chance. One view, no teacher; a step draws
 * angles, corruption and drop path. Images must be square.
 *
 * Parameters: "backbone.", "head_recons." (as the official SiT checkpoints), "head_rotation.".
 *
 * @throws SitError "bad-option" for alpha; from `prepare` where the parts do not fit the images, as the parts say
 */
export function gmmlRotation(options: GmmlRotationOptions): Method {
  const { backbone, corruption, reconstruction, rotation, alpha = 5 } = options;
  requireOption(alpha >= 0, "alpha", "a number of at least 0", alpha);
  const decoder = pixelDecoder(backbone, reconstruction);
  const task = classTask(rotation, ROTATION);
  return {
    name: "gmml-rotation",
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: gmmlRotationRecipe,
    settings: {
      corruption: partRecord(corruption),
      reconstruction: headAndLoss(reconstruction),
      rotation: { ...headAndLoss(rotation), rotate: partRecord(rotation.rotate) },
      alpha,
    },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...decoder.init(rng.fork("reconstruction")),
      ...task.init(rng.fork("rotation")),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const [upright] = views as [tf.Tensor4D];
      const { images: clean, labels } = rotation.rotate(upright, rng.fork("rotation"));
      const { images, mask } = corruption.corrupt(clean, rng.fork("corruption"));
      return {
        teacherBuffers: {},
        loss(student) {
          const tokens = encode(backbone, student, images, { train: true, rng: rng.fork("drop path") });
          const repaired = decoder.loss(student, tokens, { clean, mask });
          const told = task.loss(student, classToken(tokens), labels);
          const parts = { reconstruction: repaired.loss, rotation: told.loss, accuracy: told.accuracy };
          const total = tf.add(tf.mul(parts.reconstruction, alpha), parts.rotation) as tf.Scalar;
          return { loss: total, parts, buffers: { ...repaired.buffers, ...told.buffers } };
        },
      };
    },

    /** Of images as they are given, not turned. */
    reconstruct: (student, images, rng) => decoder.reconstruct(corruption, student, images, rng),
  };
}
