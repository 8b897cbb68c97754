import {
  type Backbone,
  type Params,
  partRecords,
  pick,
  type QueryKeyLoss,
  SitError,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Method, MethodLoss } from "../method.js";
import { fullDecayRules } from "../optimizer.js";
import { fractionalCosineSchedule, type Recipe } from "../recipe.js";
import { BACKBONE, classToken, encode, initBackbone } from "./tokens.js";

export interface MocoV3Options {
  /** The paper's has fixed sine-cosine positions (`positions: "sincos-moco"`) and no drop path. */
  backbone: Backbone;
  /** From the class token to the embedding, on both sides; `mocoHeads(...)` gives it and the predictor. */
  projector: TokenHead;
  /** From embedding to embedding, on the student's side alone. */
  predictor: TokenHead;
  /** Compares queries with keys, for example `infoNce({ temperature: 0.2 })`. */
  loss: QueryKeyLoss;
  /** Leave the patch embedding as it was drawn, which keeps training stable (default true). */
  freezePatchEmbedding?: boolean;
}

const PROJECTOR = "projector.";
const PREDICTOR = "predictor.";

/** How the paper trains ViT-S and ViT-B: AdamW at batch 4096, 300 epochs; weight decay on everything. */
export const mocoV3Recipe: Recipe = {
  learningRate: 1.5e-4,
  finalLearningRate: 0,
  warmupEpochs: 40,
  learningRateSchedule: fractionalCosineSchedule,
  weightDecay: [0.1, 0.1],
  momentum: 0.99,
  momentumOfNextStep: true,
  adamW: { rules: fullDecayRules },
};

/**
 * MoCo v3: momentum contrast for vision transformers (Chen, Xie, He 2021).
 *
 * Each view's query, made by the student through projector and predictor, looks for the key of the same image's other
 * view, made by the momentum teacher, among the keys of the batch: `loss(q1, k2) + loss(q2, k1)`. No batch norm sees both
 * views at once: the heads take one after the other, and their running statistics move twice a step.
 *
 * Parameters: "backbone.", "projector." and "predictor."; the teacher has the first two. Draws drop path alone.
 *
 * @throws SitError "bad-parameters" from `prepare` where there is no teacher
 */
export function mocoV3(options: MocoV3Options): Method {
  const { backbone, projector, predictor, loss, freezePatchEmbedding = true } = options;

  return {
    name: "moco-v3",
    backbone,
    backbonePrefix: BACKBONE,
    views: 2,
    recipe: mocoV3Recipe,
    settings: { ...partRecords({ projector, predictor, loss }), freezePatchEmbedding },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(PROJECTOR, projector.init(rng.fork("projector"))),
      ...withPrefix(PREDICTOR, predictor.init(rng.fork("predictor"))),
    }),

    initTeacher: (student) =>
      pick(student, (name) => name.startsWith(BACKBONE) || name.startsWith(PROJECTOR)),

    frozenSteps: (name) =>
      freezePatchEmbedding && name.startsWith(`${BACKBONE}patch_embed.`) ? Number.POSITIVE_INFINITY : 0,

    prepare({ views, teacher, rng }) {
      if (teacher === undefined) {
        throw new SitError("bad-parameters", "moco-v3: expected a teacher's parameters, got a state without");
      }
      const images = tf.concat4d([...views], 0); // the backbone has layer norm alone: both views at once
      const keys = project(teacher, encode(backbone, teacher, images, { train: false }));
      const [k1, k2] = keys.outputs;

      const lossOf = (student: Params): MethodLoss => {
        const context = { train: true, rng: rng.fork("drop path") };
        const projected = project(student, encode(backbone, student, images, context));
        const queries = viewByView(predictor, PREDICTOR, student, projected.outputs);
        const [q1, q2] = queries.outputs;
        const total = tf.add(loss.loss(q1, k2), loss.loss(q2, k1)) as tf.Scalar;
        return { loss: total, parts: {}, buffers: { ...projected.buffers, ...queries.buffers } };
      };
      return { loss: lossOf, teacherBuffers: keys.buffers };
    },
  };

  /** Both views' embeddings from the tokens of [view 1; view 2]. */
  function project(params: Params, tokens: tf.Tensor3D): OfBothViews {
    const views = tf.split(classToken(tokens), 2, 0) as [tf.Tensor2D, tf.Tensor2D];
    return viewByView(projector, PROJECTOR, params, views);
  }
}

interface OfBothViews {
  /** [batch, features] each. */
  readonly outputs: readonly [view1: tf.Tensor2D, view2: tf.Tensor2D];
  /** The head's, after both, under its prefix. */
  readonly buffers: Params;
}

/** A head on each view by itself; view 2 moves on the running statistics that view 1 has left. */
function viewByView(
  head: TokenHead,
  prefix: string,
  params: Params,
  [view1, view2]: readonly [tf.Tensor2D, tf.Tensor2D],
): OfBothViews {
  const own = withoutPrefix(prefix, params);
  const first = head.apply(own, view1, { train: true });
  const second = head.apply({ ...own, ...first.buffers }, view2, { train: true });
  return { outputs: [first.output, second.output], buffers: withPrefix(prefix, second.buffers) };
}
