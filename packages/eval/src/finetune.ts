import { type ClassificationLoss, disposeParams, type Params } from "@sitjs/core";
import {
  adamW,
  type BatchSource,
  cosineSchedule,
  type Duration,
  durationInSteps,
  layerDecayRules,
  type Method,
  type Optimizer,
  type RunOptions,
  type StepReport,
  scaledLearningRate,
  train,
} from "@sitjs/train";
import type * as tf from "@tensorflow/tfjs";
import { batchTargets } from "./batch-targets.js";
import { CLASSIFIER_PREFIXES, type Classifier } from "./classifier.js";

export interface FinetuneSettings extends RunOptions {
  loss: ClassificationLoss;
  /** Backbone parameters to start from; undefined trains from scratch. */
  pretrained?: Params | undefined;
  /** Peak learning rate for a batch of 256, scaled to the batch (default 5e-4, DeiT and MAE). */
  learningRate?: number;
  /** Where the cosine ends (default 1e-6). */
  finalLearningRate?: number;
  /** Linear warm-up in epochs (default 5, at most a tenth of the run). */
  warmupEpochs?: number;
  /** Constant weight decay of matrices (default 0.05). */
  weightDecay?: number;
  /** Learning rate of each layer below the head as a share of the one above (default 0.65; 1 for none). */
  layerDecay?: number;
  /** Default `adamW` with the layer decay above. */
  optimizer?: Optimizer;
}

export type FinetuneOptions = FinetuneSettings & Duration;

/** Told after every step; `state` is gone after the last one, but for the parameters. */
export interface FinetuneReport extends StepReport {
  readonly loss: number;
  /** Borrowed until the next step; the last ones belong to the caller. */
  readonly params: Params;
}

/**
 * Trains a classifier on labelled images, all parameters together; from pretrained ones or from scratch. Saved, stopped
 * and gone on with as `train` of `@sitjs/train` does.
 *
 * @throws SitError "bad-option" where the loader has neither labels nor targets, or labels that are no class of the head; as `train`
 */
export async function* finetune(
  model: Classifier,
  loader: BatchSource,
  options: FinetuneOptions,
): AsyncGenerator<FinetuneReport, void, void> {
  const { loss, pretrained, learningRate = 5e-4, finalLearningRate = 1e-6, warmupEpochs = 5 } = options;
  const { weightDecay = 0.05, layerDecay = 0.65 } = options;
  const { depth } = model.backbone;
  const rules = layerDecayRules({ depth, decay: layerDecay, prefix: CLASSIFIER_PREFIXES.backbone });
  const own = adamW({ rules });
  const optimizer = options.optimizer ?? { ...own, settings: { ...own.settings, layerDecay } };
  const totalSteps = durationInSteps(options, loader);
  const plan = {
    totalSteps,
    learningRate: cosineSchedule({
      base: scaledLearningRate(learningRate, loader.batchSize),
      final: finalLearningRate,
      steps: totalSteps,
      warmupSteps: Math.min(Math.round(warmupEpochs * loader.stepsPerEpoch), Math.floor(totalSteps / 10)),
    }),
    weightDecay: () => weightDecay,
    momentum: () => 1, // there is no teacher
    optimizer,
    stream: "finetune",
  };
  for await (const report of train(supervised(model, loss, pretrained), loader, plan, options)) {
    const { student: params, optimizer: memory } = report.state;
    if (report.step + 1 === totalSteps) disposeParams(memory);
    yield { ...report, loss: report.metrics.loss as number, params };
  }
}

/**
 * Supervised training of a classifier as a method: one view, the labels of the batch or, where it has targets, those.
 *
 * @param pretrained backbone parameters to start from, copied
 */
export function supervised(model: Classifier, loss: ClassificationLoss, pretrained?: Params): Method {
  return {
    name: "supervised",
    backbone: model.backbone,
    backbonePrefix: CLASSIFIER_PREFIXES.backbone,
    views: 1,
    init: (rng) => model.init(rng, pretrained),
    initTeacher: () => undefined,
    prepare({ views, labels, targets: shown, rng }) {
      const [images] = views as [tf.Tensor4D];
      const targets = batchTargets({ labels, targets: shown }, images.shape[0], model.head.classes);
      return {
        teacherBuffers: {},
        loss(params) {
          const { output: logits, buffers } = model.apply(params, images, { train: true, rng });
          return { loss: loss.loss(logits, targets), parts: {}, buffers };
        },
      };
    },
  };
}
