import { type ContrastLoss, l2Normalize, matMul2d, type QueryKeyLoss } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { oneHot, softmaxCrossEntropy } from "./cross-entropy.js";
import { leftOut } from "./left-out.js";
import { requireTemperature } from "./options.js";
import { imagesOfTwoViews, requireShape } from "./shapes.js";

export interface ContrastOptions {
  /** Divides the cosine similarities; above 0. Default 0.2, as SiT and MoCo v3. */
  readonly temperature?: number;
}

/**
 * SiT's contrastive loss (Atito et al. 2021), MoCo v3's form of InfoNCE (Chen, Xie and He 2021): each student
 * row looks for the teacher row of the same image among the other view's rows. See `crossViewNtXentLoss`.
 *
 * @throws SitError "bad-option" for the temperature, "bad-shape" from `loss`
 */
export function crossViewNtXent({ temperature = 0.2 }: ContrastOptions = {}): ContrastLoss {
  requireTemperature(temperature);
  return {
    name: "cross-view-nt-xent",
    settings: { temperature },
    loss: (student, teacher) => crossViewNtXentLoss(student, teacher, temperature),
  };
}

/**
 * SimCLR's loss (Chen et al. 2020), for a method without a teacher: it compares the student's rows with each
 * other and does not look at `teacher`. See `ntXentLoss`.
 *
 * @throws SitError "bad-option" for the temperature, "bad-shape" from `loss`
 */
export function ntXent({ temperature = 0.2 }: ContrastOptions = {}): ContrastLoss {
  requireTemperature(temperature);
  return { name: "nt-xent", settings: { temperature }, loss: (student) => ntXentLoss(student, temperature) };
}

/**
 * One direction of MoCo v3's loss (Chen, Xie and He 2021): each query looks for the key of its own image. The whole
 * loss is that of view 1's queries and view 2's keys plus the reverse; `crossViewNtXent` is that sum where both views
 * are in one tensor. See `infoNceLoss`.
 *
 * @throws SitError "bad-option" for the temperature, "bad-shape" from `loss`
 */
export function infoNce({ temperature = 0.2 }: ContrastOptions = {}): QueryKeyLoss {
  requireTemperature(temperature);
  return {
    name: "info-nce",
    settings: { temperature },
    loss: (queries, keys) => infoNceLoss(queries, keys, temperature),
  };
}

/**
 * `2T · CE(q kᵀ / T)` with rows scaled to length 1, where CE is the mean softmax cross-entropy against the diagonal.
 * Gradients go to whichever argument is on the tape.
 *
 * @param queries, keys [batch, features] alike, not normalised
 * @param temperature T, above 0
 * @returns a scalar; 2T log(batch) where all rows point the same way
 * @throws SitError "bad-shape"
 */
export function infoNceLoss(queries: tf.Tensor2D, keys: tf.Tensor2D, temperature: number): tf.Scalar {
  requireShape(queries.rank === 2 && queries.size > 0, "queries", "[batch, features]", queries);
  requireShape(
    keys.shape.join() === queries.shape.join(),
    "keys",
    `the queries' shape [${queries.shape.join(", ")}]`,
    keys,
  );
  return tf.tidy(() => {
    const similarities = matMul2d(l2Normalize(queries), l2Normalize(keys), false, true);
    const positives = Int32Array.from({ length: queries.shape[0] }, (_, i) => i);
    return tf.mul(similarityCrossEntropy(similarities, positives, temperature), 2 * temperature) as tf.Scalar;
  });
}

/**
 * `2T · CE(q₁ k₂ᵀ / T) + 2T · CE(q₂ k₁ᵀ / T)` with rows scaled to length 1, where CE is the mean softmax
 * cross-entropy against the diagonal: one positive among as many candidates as there are images, no negatives
 * from the same view. Gradients go to whichever argument is on the tape.
 *
 * @param student, teacher [2 x images, features], view 1 above view 2, not normalised
 * @param temperature T, above 0
 * @returns a scalar
 * @throws SitError "bad-shape"
 */
export function crossViewNtXentLoss(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: number,
): tf.Scalar {
  const images = imagesOfTwoViews("student", student);
  requireShape(
    teacher.shape.join() === student.shape.join(),
    "teacher",
    `the student's shape [${student.shape.join(", ")}]`,
    teacher,
  );
  return tf.tidy(() => {
    const [q1, q2] = views(l2Normalize(student), images);
    const [k1, k2] = views(l2Normalize(teacher), images);
    // Both directions in one product of rows: [2 x images, images] similarities.
    const similarities = tf.concat([matMul2d(q1, k2, false, true), matMul2d(q2, k1, false, true)], 0);
    const positives = Int32Array.from({ length: 2 * images }, (_, i) => i % images);
    const mean = similarityCrossEntropy(similarities as tf.Tensor2D, positives, temperature);
    return tf.mul(mean, 4 * temperature) as tf.Scalar; // the mean is over both views: twice it is their sum
  });
}

/**
 * Mean over all 2 x images rows of the cross-entropy between a row's cosine similarities, over T, to the other
 * 2 x images - 1 rows and the one of the same image.
 *
 * @param embeddings [2 x images, features], view 1 above view 2, not normalised
 * @param temperature T, above 0
 * @returns a scalar; log(2 x images - 1) where all rows point the same way
 * @throws SitError "bad-shape"
 */
export function ntXentLoss(embeddings: tf.Tensor2D, temperature: number): tf.Scalar {
  const images = imagesOfTwoViews("student", embeddings);
  const rows = 2 * images;
  return tf.tidy(() => {
    const z = l2Normalize(embeddings);
    // Cosines are 2 apart at most.
    const notItself = tf.mul(tf.eye(rows), leftOut - 2 / temperature) as tf.Tensor2D;
    const positives = Int32Array.from({ length: rows }, (_, i) => (i + images) % rows);
    return similarityCrossEntropy(matMul2d(z, z, false, true), positives, temperature, notItself);
  });
}

/** `added` is for the logits, as they are after the division. */
function similarityCrossEntropy(
  similarities: tf.Tensor2D,
  positives: Int32Array,
  temperature: number,
  added?: tf.Tensor2D,
): tf.Scalar {
  const targets = oneHot(tf.tensor1d(positives, "int32"), similarities.shape[1]);
  const logits = tf.mul(similarities, 1 / temperature) as tf.Tensor2D;
  return softmaxCrossEntropy(added ? tf.add(logits, added) : logits, targets);
}

function views(rows: tf.Tensor2D, images: number): [tf.Tensor2D, tf.Tensor2D] {
  return [tf.slice(rows, [0, 0], [images, -1]), tf.slice(rows, [images, 0], [images, -1])];
}
