import {
  type Backbone,
  batchNorm,
  batchNormInference,
  disposeParams,
  linear,
  type Params,
  param,
  SitError,
  tidy,
  truncatedNormal,
} from "@sitjs/core";
import {
  type BatchSource,
  cosineSchedule,
  type Method,
  type Optimizer,
  type RunOptions,
  type StepReport,
  scaledLearningRate,
  sgd,
  train,
} from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { evaluateWith, type FeatureOptions, imageFeatures } from "./embed.js";
import type { LinearProbeOptions, LinearProbeResult } from "./linear-probe.js";
import { predictions, requireLabels } from "./metrics.js";
import { oneHotRows } from "./rows.js";

export interface AugmentedProbeOptions
  extends FeatureOptions,
    Pick<LinearProbeOptions, "learningRate" | "momentum" | "optimizer">,
    Pick<RunOptions, "seed" | "signal" | "precision"> {
  readonly classes: number;
  /** Passes over the training images (default 90). */
  readonly epochs?: number;
  /** Told after each step; what it is given is borrowed. */
  readonly onStep?: (report: StepReport) => void;
}

/**
 * Of `nn.BatchNorm1d` in MAE's probe: its epsilon, and how much of the running statistics a batch replaces; the first ones
 * more, for a mean of what there is: features may vary so little that what statistics start with would show for long.
 */
const EPSILON = 1e-6;
const replacedShare = (step: number) => Math.max(0.1, 1 / (step + 1));

/**
 * The linear probe as its papers have it: the training images are augmented anew in each epoch, by the views of `loader`, and
 * go through the frozen network batch by batch; then batch normalisation without scale and shift, and one layer, trained by
 * SGD or LARS without weight decay (He et al. 2022, appendix A.1). Costs a pass through the network for each image and epoch;
 * `linearProbe` on features taken once costs one altogether.
 *
 * @param params of the backbone; borrowed
 * @param loader augmented training images with labels; its batch size scales the learning rate
 * @param test images as they are, with labels
 * @throws SitError "bad-option" for the options, loaders without labels and labels that are no class; as `train`
 */
export async function augmentedProbe(
  backbone: Backbone,
  params: Params,
  loader: BatchSource,
  test: BatchSource,
  options: AugmentedProbeOptions,
): Promise<LinearProbeResult> {
  const { classes, epochs = 90, learningRate = 0.1, momentum = 0.9 } = options;
  const optimizer = options.optimizer ?? sgd({ momentum });
  const probe = probeMethod(backbone, params, optimizer, options);
  const totalSteps = epochs * loader.stepsPerEpoch;
  const plan = {
    totalSteps,
    learningRate: cosineSchedule({
      base: scaledLearningRate(learningRate, loader.batchSize),
      final: 0,
      steps: totalSteps,
    }),
    weightDecay: () => 0,
    momentum: () => 1, // there is no teacher
    optimizer,
    stream: "augmented-probe",
  };
  let head: Params = {};
  let [sum, steps] = [0, 0];
  for await (const report of train(probe, loader, plan, options)) {
    head = report.state.student;
    // The mean of the last epoch.
    if (report.step >= totalSteps - loader.stepsPerEpoch) {
      sum += report.metrics.loss as number;
      steps++;
    }
    if (report.step + 1 === totalSteps) disposeParams(report.state.optimizer);
  }
  try {
    const judged = await evaluateWith(test, classes, (images) =>
      logits(head, imageFeatures(backbone, params, images, options)),
    );
    const { top1, top5, logits: values } = judged;
    return { top1, top5, logits: values, predictions: predictions(values, classes), loss: sum / steps };
  } finally {
    disposeParams(head);
  }
}

/** Trains `weight`, `bias` and the running statistics; the backbone is no part of the state. */
function probeMethod(
  backbone: Backbone,
  params: Params,
  optimizer: Optimizer,
  { classes, features = "token", layers = 1 }: FeatureOptions & { readonly classes: number },
): Method {
  const size = backbone.width * layers * (features === "token+mean" ? 2 : 1);
  return {
    name: "linear-probe",
    backbone,
    backbonePrefix: "backbone.",
    views: 1,
    init: (rng) => ({
      weight:
        optimizer.name === "lars"
          ? truncatedNormal(rng, [classes, size], 0.01) // as in `linearProbe`
          : tf.zeros([classes, size]),
      bias: tf.zeros([classes]),
      running_mean: tf.zeros([size]),
      running_var: tf.ones([size]),
    }),
    initTeacher: () => undefined,
    prepare({ views, labels, position }) {
      const [images] = views as [tf.Tensor4D];
      if (labels === undefined) {
        throw new SitError("bad-option", "linear probe: expected a loader with labels, got one without");
      }
      requireLabels("labels", labels, classes);
      const taken = imageFeatures(backbone, params, images, { features, layers });
      const target = oneHotRows(labels, classes);
      const share = replacedShare(position.step);
      return {
        teacherBuffers: {},
        loss(head) {
          const { output, mean, variance } = batchNorm(taken, undefined, undefined, EPSILON);
          const rows = labels.length;
          const scores = linear(output, param(head, "weight"), param(head, "bias")) as tf.Tensor2D;
          const loss = tf.div(tf.sum(tf.mul(target, tf.logSoftmax(scores))), -rows) as tf.Scalar;
          const follow = (name: string, now: tf.Tensor) =>
            tf.add(tf.mul(param(head, name), 1 - share), tf.mul(now, share));
          const unbiased = tf.mul(variance, rows / (rows - 1));
          const buffers = {
            running_mean: follow("running_mean", mean),
            running_var: follow("running_var", unbiased),
          };
          return { loss, parts: {}, buffers };
        },
      };
    },
  };
}

function logits(head: Params, features: tf.Tensor2D): tf.Tensor2D {
  return tidy(() => {
    const [mean, variance] = [param(head, "running_mean"), param(head, "running_var")];
    const normal = batchNormInference(features, mean, variance, undefined, undefined, EPSILON);
    return linear(normal, param(head, "weight"), param(head, "bias")) as tf.Tensor2D;
  });
}
