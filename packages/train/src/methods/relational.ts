import {
  type Backbone,
  type PairLoss,
  type Params,
  type PartFunction,
  partRecords,
  type RelationPairs,
  requireOption,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { sitRecipe, withoutTeacher } from "../recipe.js";
import { BACKBONE, classToken, encode, initBackbone } from "./tokens.js";

export interface RelationalReasoningOptions {
  backbone: Backbone;
  /**
   * From two class-like tokens side by side [pairs, 2 x width] to one score [pairs, 1], for example
   * `perceptronHead({ width: 2 * width, hidden: [256], output: 1 })`.
   */
  relation: TokenHead;
  /** Compares scores with whether a pair is of one image, for example `relation()`. */
  loss: PairLoss;
  /** Makes pairs of the tokens [views x batch, width], for example `relationPairs`. */
  pairs: PartFunction<(features: tf.Tensor2D, views: number) => RelationPairs>;
  /** Views of each image, at least 2; default 4. More are better and cost more: the paper takes 16 and 32 on small images. */
  views?: number;
}

const RELATION = "relation.";

/**
 * Relational reasoning (Patacchiola and Storkey 2020, "Self-supervised relational reasoning for representation learning")
 * on a vision transformer.
 *
 * Several views of each image go through one network; a relation head tells of pairs of class-like tokens whether both
 * are of one image. No teacher. Beside the loss, `accuracy` is the share of pairs told right. Draws drop path alone.
 *
 * @throws SitError "bad-option" for fewer than 2 views; in a step what `pairs` and `loss` throw
 */
export function relationalReasoning(options: RelationalReasoningOptions): Method {
  const { backbone, relation, loss: pairLoss, pairs: makePairs, views: count = 4 } = options;
  requireOption(Number.isInteger(count) && count >= 2, "views", "a whole number, at least 2", count);

  return {
    name: "relational",
    backbone,
    backbonePrefix: BACKBONE,
    views: count,
    recipe: { ...sitRecipe, ...withoutTeacher },
    settings: { ...partRecords({ relation, loss: pairLoss, pairs: makePairs }), views: count },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(RELATION, relation.init(rng.fork("relation"))),
    }),

    initTeacher: () => undefined,

    prepare({ views, rng }) {
      const images = tf.concat4d([...views], 0); // [view 1; view 2; …]

      const loss = (student: Params): MethodLoss => {
        const tokens = encode(backbone, student, images, { train: true, rng: rng.fork("drop path") });
        const { pairs, labels } = makePairs(classToken(tokens), count);
        const { output, buffers } = relation.apply(withoutPrefix(RELATION, student), pairs, { train: true });
        return {
          loss: pairLoss.loss(output, labels),
          parts: { accuracy: accuracyOf(output, labels) },
          buffers: withPrefix(RELATION, buffers),
        };
      };
      return { loss, teacherBuffers: {} };
    },
  };
}

/** The share of scores [pairs, 1] on the right side of 0; nothing on the way has a gradient. */
function accuracyOf(scores: tf.Tensor2D, labels: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const same = tf.greater(tf.reshape(scores, [-1]), 0);
    return tf.mean(tf.cast(tf.equal(tf.cast(same, "float32"), labels), "float32"));
  });
}
