import {
  type Backbone,
  type ContrastLoss,
  type Corruption,
  type Params,
  partRecord,
  pick,
  requireOption,
  SitError,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { sitRecipe } from "../recipe.js";
import { corruptViews, type PixelDecoderOptions, pixelDecoder } from "./reconstruction.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone } from "./tokens.js";

export interface SitOptions {
  backbone: Backbone;
  /** How views are corrupted, for example `gmml()`. */
  corruption: Corruption;
  /** The light decoder and its loss; undefined for contrast alone. */
  reconstruction?: PixelDecoderOptions;
  /** The contrastive head and its loss; undefined for reconstruction (GMML) alone. */
  contrast?: {
    head: TokenHead;
    loss: ContrastLoss;
    /** Compare with a momentum teacher on clean views (default), or the student with itself. */
    teacher?: boolean;
  };
  /** Weight of the reconstruction: 5 for small data sets (default), 1 for ImageNet. */
  alpha?: number;
}

// The official checkpoints' name.
const CONTRAST = "head.";

/**
 * SiT: group masked model learning with cross-view contrast (Atito, Awais, Kittler 2021).
 *
 * Both views are corrupted and go through the student, which reconstructs their clean pixels and matches, by its
 * contrastive token, the momentum teacher's token of the other, clean view. Total: `alpha x reconstruction + contrast`.
 *
 * @throws SitError "bad-option" where both parts are left out
 */
export function sit(options: SitOptions): Method {
  const { backbone, corruption, reconstruction, contrast, alpha = 5 } = options;
  requireOption(alpha >= 0, "alpha", "a number of at least 0", alpha);
  if (reconstruction === undefined && contrast === undefined) {
    throw new SitError("bad-option", "sit: expected reconstruction or contrast or both, got neither");
  }
  const withTeacher = contrast !== undefined && (contrast.teacher ?? true);
  const decoder = reconstruction && pixelDecoder(backbone, reconstruction);

  return {
    name: "sit",
    backbone,
    backbonePrefix: BACKBONE,
    views: 2,
    recipe: sitRecipe,
    settings: {
      corruption: partRecord(corruption),
      reconstruction: reconstruction ? headAndLoss(reconstruction) : "none",
      contrast: contrast ? { ...headAndLoss(contrast), teacher: withTeacher } : "none",
      alpha,
    },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...(contrast && withPrefix(CONTRAST, contrast.head.init(rng.fork("contrast")))),
      ...decoder?.init(rng.fork("reconstruction")),
    }),

    initTeacher: (student) =>
      withTeacher
        ? pick(student, (name) => name.startsWith(BACKBONE) || name.startsWith(CONTRAST))
        : undefined,

    prepare({ views, teacher, rng }) {
      const corrupted = corruptViews(corruption, views, rng); // statistics of batch norm span both views
      if (withTeacher && teacher === undefined) {
        throw new SitError(
          "bad-parameters",
          "sit: expected a teacher's parameters, got a state without (contrast.teacher was false in that run?)",
        );
      }
      const target = withTeacher && teacher ? embed(teacher, corrupted.clean) : undefined;

      const loss = (student: Params): MethodLoss => {
        const context = { train: true, rng: rng.fork("drop path") };
        const tokens = encode(backbone, student, corrupted.images, context);
        const parts: { reconstruction?: tf.Scalar; contrast?: tf.Scalar } = {};
        let buffers: Params = {};
        if (decoder) {
          const { loss, buffers: statistics } = decoder.loss(student, tokens, corrupted);
          parts.reconstruction = loss;
          buffers = { ...buffers, ...statistics };
        }
        if (contrast) {
          const { output, buffers: statistics } = contrast.head.apply(
            withoutPrefix(CONTRAST, student),
            classToken(tokens),
            { train: true },
          );
          parts.contrast = contrast.loss.loss(output, target?.output ?? output);
          buffers = { ...buffers, ...withPrefix(CONTRAST, statistics) };
        }
        const { reconstruction: r, contrast: c } = parts;
        const weighted = r && tf.mul(r, alpha);
        const total = weighted && c ? tf.add(weighted, c) : (weighted ?? c);
        return { loss: total as tf.Scalar, parts: { ...parts }, buffers };
      };
      return { loss, teacherBuffers: target ? withPrefix(CONTRAST, target.buffers) : {} };
    },

    ...(decoder && {
      reconstruct: (student, images, rng) => decoder.reconstruct(corruption, student, images, rng),
    }),
  };

  /** The teacher's embedding of clean images: batch norm by the batch's own statistics, no drop path. */
  function embed(teacher: Params, clean: tf.Tensor4D) {
    const head = (contrast as NonNullable<typeof contrast>).head;
    const tokens = encode(backbone, teacher, clean, { train: false });
    return head.apply(withoutPrefix(CONTRAST, teacher), classToken(tokens), { train: true });
  }
}
