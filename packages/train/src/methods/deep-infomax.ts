import {
  type Backbone,
  type MutualInformationLoss,
  type Params,
  partRecords,
  requireOption,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { sitRecipe, withoutTeacher } from "../recipe.js";
import { BACKBONE, classToken, initBackbone, patchTokens } from "./tokens.js";

export interface DeepInfoMaxOptions {
  backbone: Backbone;
  /** From the class-like token to the summary that is compared, for example `perceptronHead()`. */
  global: TokenHead;
  /** From a patch's features to the space of the summary, for each patch by itself. */
  local: TokenHead;
  /** For example `infoMax()`. */
  loss: MutualInformationLoss;
  /** Weight of the mutual information between an image's summary and the mean of its patches; default 0.5. */
  alpha?: number;
  /** Weight of that between the summary and each patch, the mean over patches; default 1. */
  beta?: number;
  /** Which block's patches, counted from 1; default the middle one (the earlier of two). */
  localBlock?: number;
}

const GLOBAL = "global.";
const LOCAL = "local.";

/**
 * Deep InfoMax (Hjelm et al. 2019, "Learning deep representations by mutual information estimation and maximization") on
 * a vision transformer.
 *
 * One view. The summary of an image, from its class-like token after the last block, is to tell what an earlier block
 * says of this image's patches from what it says of another image's of the batch: patch by patch (local), and of their
 * mean (global). Total: `alpha x global + beta x local`; a part whose weight is 0 is left out. Matching the summary to a
 * prior, the paper's third part, is left out. The patches are those before the final norm. Draws drop path alone.
 *
 * @throws SitError "bad-option" for weights that are no numbers of at least 0 or both 0, and for a block that is not there
 */
export function deepInfoMax(options: DeepInfoMaxOptions): Method {
  const { backbone, global, local, loss: information } = options;
  const { alpha = 0.5, beta = 1, localBlock = Math.ceil(backbone.depth / 2) } = options;
  for (const [name, weight] of Object.entries({ alpha, beta })) {
    requireOption(Number.isFinite(weight) && weight >= 0, name, "a finite number, at least 0", weight);
  }
  requireOption(alpha + beta > 0, "beta", "a number above 0 where alpha is 0", beta);
  const there = Number.isInteger(localBlock) && localBlock >= 1 && localBlock <= backbone.depth;
  requireOption(there, "localBlock", `a block of the backbone, 1 to ${backbone.depth}`, localBlock);

  return {
    name: "deep-infomax",
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    recipe: { ...sitRecipe, ...withoutTeacher },
    settings: { ...partRecords({ global, local, loss: information }), alpha, beta, localBlock },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(GLOBAL, global.init(rng.fork("global"))),
      ...withPrefix(LOCAL, local.init(rng.fork("local"))),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const images = views[0] as tf.Tensor4D;

      const loss = (student: Params): MethodLoss => {
        const { tokens, blocks } = backbone.apply(withoutPrefix(BACKBONE, student), images, {
          train: true,
          rng: rng.fork("drop path"),
          blocks: true,
        });
        const summary = global.apply(withoutPrefix(GLOBAL, student), classToken(tokens), { train: true });
        const patches = patchTokens(blocks[localBlock - 1] as tf.Tensor3D);
        const { mean, each, buffers } = project(student, patches);
        const parts: Record<string, tf.Scalar> = {};
        if (alpha > 0) parts.global = information.loss(summary.output, mean);
        if (beta > 0) parts.local = information.loss(summary.output, each);
        const weighted = Object.entries(parts).map(([name, part]) =>
          tf.mul(part, name === "global" ? alpha : beta),
        );
        return {
          loss: tf.addN(weighted) as tf.Scalar,
          parts,
          buffers: { ...withPrefix(GLOBAL, summary.buffers), ...withPrefix(LOCAL, buffers) },
        };
      };
      return { loss, teacherBuffers: {} };
    },
  };

  /** The head on each patch [batch, patches, features] and on the mean of each image's [batch, features], in one go. */
  function project(student: Params, patches: tf.Tensor3D) {
    const [batch, count, width] = patches.shape;
    const rows = [tf.mean(patches, 1), tf.reshape(patches, [batch * count, width])] as tf.Tensor2D[];
    const { output, buffers } = local.apply(withoutPrefix(LOCAL, student), tf.concat2d(rows, 0), {
      train: true,
    });
    const [mean, each] = tf.split(output, [batch, batch * count]) as [tf.Tensor2D, tf.Tensor2D];
    return { mean, each: tf.reshape(each, [batch, count, -1]) as tf.Tensor3D, buffers };
  }
}
