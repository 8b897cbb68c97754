import {
  type ClassificationLoss,
  disposeParams,
  isBuffer,
  type Params,
  type Precision,
  pick,
  randomStream,
  SitError,
  tidy,
  withPrecision,
} from "@sitjs/core";
import {
  adamW,
  type BatchSource,
  cosineSchedule,
  type Duration,
  durationInSteps,
  layerDecayRules,
  lossAndGradients,
  type Optimizer,
  replaced,
  scaledLearningRate,
} from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { CLASSIFIER_PREFIXES, type Classifier } from "./classifier.js";
import { requireLabels } from "./metrics.js";

export interface FinetuneSettings {
  loss: ClassificationLoss;
  /** Backbone parameters to start from; undefined trains from scratch. */
  pretrained?: Params;
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
  /** Of matrix products in training (default "float32"): see `withPrecision` of `@sitjs/core`. */
  precision?: Precision;
  /** Any safe integer (default 0). */
  seed?: number;
}

export type FinetuneOptions = FinetuneSettings & Duration;

/** Told after every step. */
export interface FinetuneReport {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly epochEnd: boolean;
  /** Borrowed until the next step; the last ones belong to the caller. */
  readonly params: Params;
}

/**
 * Trains a classifier on labelled images, all parameters together; from pretrained ones or from scratch.
 *
 * @throws SitError "bad-option" where the loader has no labels, or labels that are no class of the head;
 * "not-finite" where the loss is
 */
export async function* finetune(
  model: Classifier,
  loader: BatchSource,
  options: FinetuneOptions,
): AsyncGenerator<FinetuneReport, void, void> {
  const { loss, pretrained, learningRate = 5e-4, finalLearningRate = 1e-6, warmupEpochs = 5 } = options;
  const { weightDecay = 0.05, layerDecay = 0.65, seed = 0, precision = "float32" } = options;
  const { depth } = model.backbone;
  const optimizer =
    options.optimizer ??
    adamW({ rules: layerDecayRules({ depth, decay: layerDecay, prefix: CLASSIFIER_PREFIXES.backbone }) });
  const totalSteps = durationInSteps(options, loader);
  const rate = cosineSchedule({
    base: scaledLearningRate(learningRate, loader.batchSize),
    final: finalLearningRate,
    steps: totalSteps,
    warmupSteps: Math.min(Math.round(warmupEpochs * loader.stepsPerEpoch), Math.floor(totalSteps / 10)),
  });
  const root = randomStream(seed, "finetune");
  let params = model.init(root.fork("init"), pretrained);
  let memory = optimizer.init(params);
  let finished = false;
  try {
    for await (const batch of loader.range(0, totalSteps)) {
      const step = batch.step;
      const view = batch.views[0];
      const { labels } = batch;
      if (view === undefined || labels === undefined) {
        throw new SitError("bad-option", "finetune: expected a loader with labels and one view, got none");
      }
      // The loss cannot look without waiting for the device: to it such a row has no target.
      requireLabels("labels", labels, model.head.classes);
      const next = tidy(() => {
        const images = tf.tensor4d(view.data, [...view.shape]);
        const targets = tf.tensor1d(labels, "int32");
        const trained = pick(params, (name) => !isBuffer(name));
        const rng = root.fork("step", step);
        const { gradients, output } = withPrecision(precision, () =>
          lossAndGradients(trained, params, (current) => {
            const { output: logits, buffers } = model.apply(current, images, { train: true, rng });
            return { loss: loss.loss(logits, targets), parts: {}, buffers };
          }),
        );
        const settings = { learningRate: rate(step), weightDecay };
        const updated = optimizer.update({
          params: trained,
          gradients,
          state: memory,
          step,
          ...settings,
          overwrite: true,
        });
        const next = replaced(params, { ...updated.params, ...output.buffers });
        return { loss: output.loss, params: next, state: updated.state };
      });
      disposeParams(params);
      disposeParams(memory);
      params = next.params;
      memory = next.state;
      const value = (await next.loss.data())[0] as number;
      next.loss.dispose();
      if (!Number.isFinite(value)) {
        throw new SitError("not-finite", `fine-tuning step ${step}: expected a finite loss, got ${value}`);
      }
      finished = step + 1 === totalSteps;
      const epochEnd = finished || (step + 1) % loader.stepsPerEpoch === 0;
      yield { step, totalSteps, loss: value, learningRate: rate(step), epochEnd, params };
    }
  } finally {
    disposeParams(memory);
    if (!finished) disposeParams(params);
  }
}
