// A method: two views, a momentum teacher, and no negatives.
import {
  type Backbone,
  l2Normalize,
  type Params,
  partRecords,
  pick,
  type RandomStream,
  SitError,
  type TokenHead,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import { type Method, sitRecipe } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";

export interface ByolOptions {
  readonly backbone: Backbone;
  /** From the class-like token to an embedding, on the student's and the teacher's side. */
  readonly projector: TokenHead;
  /** From a student's embedding to the teacher's; of as many features. */
  readonly predictor: TokenHead;
}

const [BACKBONE, PROJECTOR, PREDICTOR] = ["backbone.", "projector.", "predictor."] as const;

/**
 * BYOL (Grill et al. 2020, "Bootstrap your own latent"): from each view the student predicts the momentum teacher's
 * embedding of the other; the loss is 2 - 2 cos, the sum of both directions. Trained by SiT's recipe, as the paper's is for
 * convolutional networks, with the paper's momentum of 0.996. Batch norm of the heads takes one view at a time.
 *
 * @throws SitError "bad-parameters" from `prepare` where there is no teacher
 */
export function byol({ backbone, projector, predictor }: ByolOptions): Method {
  /** Both views' class-like tokens [batch, width]. */
  const tokensOf = (params: Params, views: readonly tf.Tensor4D[], rng?: RandomStream): tf.Tensor2D[] => {
    const images = tf.concat4d([...views], 0);
    const context = rng ? { train: true, rng } : { train: false };
    const { tokens } = backbone.apply(withoutPrefix(BACKBONE, params), images, context);
    const first = tf.reshape(tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]), [images.shape[0], backbone.width]);
    return tf.split(first as tf.Tensor2D, 2, 0);
  };
  /** A head on one view after the other; the second moves on the running statistics that the first has left. */
  const through = (head: TokenHead, prefix: string, params: Params, views: readonly tf.Tensor2D[]) => {
    let own = withoutPrefix(prefix, params);
    let buffers: Params = {};
    const outputs = views.map((view) => {
      const made = head.apply(own, view, { train: true });
      own = { ...own, ...made.buffers };
      buffers = made.buffers;
      return made.output;
    }) as [tf.Tensor2D, tf.Tensor2D];
    return { outputs, buffers: withPrefix(prefix, buffers) };
  };
  /** 2 - 2 cos, the mean over the batch. */
  const distance = (predicted: tf.Tensor2D, target: tf.Tensor2D) =>
    tf.mul(tf.sub(1, tf.mean(tf.sum(tf.mul(l2Normalize(predicted), l2Normalize(target)), 1))), 2);

  return {
    name: "byol",
    backbone,
    settings: partRecords({ projector, predictor }),
    backbonePrefix: BACKBONE,
    views: 2,
    recipe: sitRecipe,

    init: (rng) => ({
      ...withPrefix(BACKBONE, backbone.init(rng.fork("backbone"))),
      ...withPrefix(PROJECTOR, projector.init(rng.fork("projector"))),
      ...withPrefix(PREDICTOR, predictor.init(rng.fork("predictor"))),
    }),

    initTeacher: (student) => pick(student, (name) => !name.startsWith(PREDICTOR)),

    prepare({ views, teacher, rng }) {
      if (teacher === undefined) {
        throw new SitError("bad-parameters", "byol: expected a teacher's parameters, got a state without");
      }
      const targets = through(projector, PROJECTOR, teacher, tokensOf(teacher, views));
      const [target1, target2] = targets.outputs;
      return {
        teacherBuffers: targets.buffers,
        loss(student) {
          const tokens = tokensOf(student, views, rng.fork("drop path"));
          const projected = through(projector, PROJECTOR, student, tokens);
          const predicted = through(predictor, PREDICTOR, student, projected.outputs);
          const [one, two] = predicted.outputs;
          const loss = tf.add(distance(one, target2), distance(two, target1)) as tf.Scalar;
          return { loss, parts: {}, buffers: { ...projected.buffers, ...predicted.buffers } };
        },
      };
    },
  };
}
