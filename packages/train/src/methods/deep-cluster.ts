import {
  type Backbone,
  type ClassificationLoss,
  type Params,
  param,
  requireOption,
  SitError,
  type TokenHead,
  tidy,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { clusterSizes, kMeans } from "../clustering/kmeans.js";
import { whitened } from "../clustering/whiten.js";
import type { ImageBatch } from "../loader.js";
import type { Method, MethodLoss } from "../method.js";
import { sitRecipe } from "../recipe.js";
import { BACKBONE, classToken, encode, headAndLoss, initBackbone, patchTokens } from "./tokens.js";

export interface DeepClusterOptions {
  backbone: Backbone;
  /** From an image's features to a logit for each cluster, for example `perceptronHead({ width, output: clusters })`. */
  head: TokenHead;
  /** `crossEntropy()`; given float32 targets whose rows sum to the weight of the image. */
  loss: ClassificationLoss;
  /** Groups of images; several times as many as there are kinds works best. At most the images of an epoch. */
  clusters: number;
  /** Of the data set: the loader's indices are below it. */
  images: number;
  /** What is clustered and classified: the class token (default) or the mean of the patch tokens. */
  features?: "token" | "mean";
  /** Of k-means, at most, for each epoch (default 20). */
  iterations?: number;
}

const HEAD = "head.";
const LABELS = "pseudo_labels";

/**
 * DeepCluster: clustering for unsupervised learning of features (Caron, Bojanowski, Joulin, Douze 2018).
 *
 * Before every epoch the network sees the epoch's images once, as they will be trained on, without drop path. Their
 * features are whitened, scaled to length 1 and grouped by k-means; an image's group is its class for this epoch, and the
 * head, which knows nothing of the new groups, is drawn anew. An image's loss is weighted by the inverse of its group's
 * size, which stands for drawing images evenly from all groups; the mean weight is 1.
 *
 * Parameters: "backbone." and "head.", and the buffer `pseudo_labels` [images], -1 for images that the epoch leaves out.
 * Draws k-means' start, the points of empty groups, the head, and drop path.
 *
 * @throws SitError "bad-option" here for the options, and from `startEpoch` where the images of an epoch are fewer than
 * the clusters or have numbers beyond `images`; "bad-parameters" from `prepare` for images without a group
 */
export function deepCluster(options: DeepClusterOptions): Method {
  const { backbone, head, loss, clusters, images, features = "token", iterations = 20 } = options;
  const whole = (value: number) => Number.isSafeInteger(value) && value >= 1;
  requireOption(whole(images), "images", "a whole number of at least 1", images);
  requireOption(whole(clusters) && clusters <= images, "clusters", `1 to ${images} (images)`, clusters);
  requireOption(features === "token" || features === "mean", "features", '"token" or "mean"', features);
  requireOption(whole(iterations), "iterations", "a whole number of at least 1", iterations);

  return {
    name: "deep-cluster",
    backbone,
    backbonePrefix: BACKBONE,
    views: 1,
    // The paper trains convolutional networks, by SGD at a constant rate of 0.05: not for transformers.
    recipe: sitRecipe,
    settings: { ...headAndLoss({ head, loss }), clusters, images, features, iterations },

    init: (rng) => ({
      ...initBackbone(backbone, rng),
      ...withPrefix(HEAD, head.init(rng.fork("head"))),
      [LABELS]: tidy(() => tf.fill([images], -1)),
    }),

    initTeacher: () => undefined,

    async startEpoch({ student, rng, position, batches }) {
      const seen = await featuresOf(student, batches());
      const points = tf.tensor2d(seen.features, [seen.numbers.length, backbone.width]);
      try {
        const rows = seen.numbers.length;
        // A run's last epoch may be cut short, which is no reason to end the run: it has fewer groups then.
        const uncut = position.step + position.stepsPerEpoch <= position.totalSteps;
        const enough = clusters <= rows || !uncut;
        requireOption(enough, "clusters", `at most ${rows} (images of an epoch)`, clusters);
        const white = await whitened(points);
        const groups = kMeans(white, {
          clusters: Math.min(clusters, rows),
          iterations,
          rng: rng.fork("clusters"),
        });
        const { labels } = await groups.finally(() => white.dispose());
        const pseudoLabels = new Float32Array(images).fill(-1);
        for (const [i, number] of seen.numbers.entries()) pseudoLabels[number] = labels[i] as number;
        return { [LABELS]: tf.tensor1d(pseudoLabels), ...withPrefix(HEAD, head.init(rng.fork("head"))) };
      } finally {
        points.dispose();
      }
    },

    prepare({ views, indices, student, rng }) {
      const [view] = views as [tf.Tensor4D];
      const targets = weightedTargets(param(student, LABELS), indices);

      const lossOf = (trained: Params): MethodLoss => {
        const tokens = encode(backbone, trained, view, { train: true, rng: rng.fork("drop path") });
        const { output, buffers } = head.apply(withoutPrefix(HEAD, trained), pooled(tokens), { train: true });
        return { loss: loss.loss(output, targets), parts: {}, buffers: withPrefix(HEAD, buffers) };
      };
      return { loss: lossOf, teacherBuffers: {} };
    },
  };

  /** [batch, width] */
  function pooled(tokens: tf.Tensor3D): tf.Tensor2D {
    return features === "token" ? classToken(tokens) : tf.mean(patchTokens(tokens), 1);
  }

  /** Which images there are, and the features of each, row by row. */
  async function featuresOf(
    student: Params,
    batches: AsyncIterable<ImageBatch>,
  ): Promise<{ numbers: number[]; features: Float32Array }> {
    const numbers: number[] = [];
    const found: Float32Array[] = [];
    for await (const { views, indices } of batches) {
      const [view] = views;
      if (view === undefined)
        throw new SitError("bad-option", "loader: expected a view of each image, got none");
      const beyond = indices.find((number) => number >= images);
      requireOption(beyond === undefined, "images", `more than the number of an image, ${beyond}`, images);
      numbers.push(...indices);
      const features = tidy(() => {
        const pixels = tf.tensor4d(view.data, [...view.shape]);
        return pooled(encode(backbone, student, pixels, { train: false }));
      });
      found.push((await features.data()) as Float32Array);
      features.dispose();
    }
    const joined = new Float32Array(numbers.length * backbone.width);
    let offset = 0;
    for (const rows of found) {
      joined.set(rows, offset);
      offset += rows.length;
    }
    return { numbers, features: joined };
  }

  /** [batch, clusters]: the image's weight in the column of its group. */
  function weightedTargets(pseudoLabels: tf.Tensor, indices: Int32Array | undefined): tf.Tensor2D {
    if (indices === undefined) {
      throw new SitError("bad-option", "loader: expected the numbers of a batch's images, got none");
    }
    const labels = pseudoLabels.dataSync();
    const sizes = clusterSizes(labels, clusters);
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const groups = sizes.filter((size) => size > 0).length;
    const targets = new Float32Array(indices.length * clusters);
    for (const [row, number] of indices.entries()) {
      const label = labels[number] ?? -1;
      if (label < 0) {
        throw new SitError(
          "bad-parameters",
          `${LABELS}: expected a group for image ${number}, got none (startEpoch gives groups to the epoch's images)`,
        );
      }
      targets[row * clusters + label] = all / (groups * (sizes[label] as number));
    }
    return tf.tensor2d(targets, [indices.length, clusters]);
  }
}
