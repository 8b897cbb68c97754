import { type Backbone, disposeParams, type Params } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { classifier, embed, evaluate, finetune, knn, type LabelledFeatures } from "@sitjs/eval";
import { crossEntropy } from "@sitjs/losses";
import { classifierHead } from "@sitjs/vit";
import { evalLoader, finetuneLoader, type LoaderContext } from "./loaders.js";
import { type Reporter, stage } from "./reporter.js";

export interface FinetuningOptions {
  /** What the stage is called. */
  readonly name: string;
  readonly backbone: Backbone;
  /** Backbone parameters to start from; borrowed. Undefined: from scratch. */
  readonly pretrained: Params | undefined;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly report: Reporter;
  readonly signal?: AbortSignal;
}

export interface FinetuningResult {
  /** Fraction of the test images. */
  readonly top1: number;
  readonly top5: number;
  readonly trainImages: number;
  readonly testImages: number;
  readonly steps: number;
  readonly seconds: number;
  /** Mean loss of each part of the run, and where in epochs the part ended. */
  readonly losses: readonly { epoch: number; loss: number }[];
  /** `backbone.*` and `classifier.*`; belong to the caller. */
  readonly params: Params;
}

const LOSS_RECORDS = 40;

/** Trains a classifier on `train` and tells its accuracy on every image of `test`. */
export async function finetuning(options: FinetuningOptions): Promise<FinetuningResult> {
  const { backbone, pretrained, train, test, context, report, signal, name } = options;
  const { settings, seed } = context;
  const classes = test.classes?.length ?? train.classes?.length ?? 0;
  const model = classifier(
    backbone,
    classifierHead({ kind: settings.classifier, width: backbone.width, classes }),
  );
  const loader = finetuneLoader(train, context);
  const total = settings.finetuneSteps || settings.finetuneEpochs * loader.stepsPerEpoch;
  const outcome = ({ top1 }: FinetuningResult) => `accuracy ${(100 * top1).toFixed(1)} %`;
  return await stage(report, name, { total, unit: "steps", outcome }, async ({ progress }) => {
    const started = performance.now();
    let params: Params = {};
    const losses: { epoch: number; loss: number }[] = [];
    const every = Math.ceil(total / LOSS_RECORDS);
    let sum = 0;
    let summed = 0;
    const run = finetune(model, loader, {
      steps: total,
      loss: crossEntropy({ labelSmoothing: settings.labelSmoothing }),
      pretrained,
      learningRate: settings.finetuneLearningRate,
      weightDecay: settings.finetuneWeightDecay,
      // Layers that start at random need their whole learning rate.
      layerDecay: pretrained === undefined ? 1 : settings.layerDecay,
      precision: settings.precision,
      seed,
    });
    for await (const step of run) {
      signal?.throwIfAborted();
      params = step.params;
      const done = step.step + 1;
      sum += step.loss;
      summed++;
      if (done % every === 0 || done === total) {
        losses.push({ epoch: done / loader.stepsPerEpoch, loss: sum / summed });
        sum = 0;
        summed = 0;
      }
      const secondsPerStep = (performance.now() - started) / 1000 / done;
      progress({
        done,
        imagesPerSecond: loader.batchSize / secondsPerStep,
        secondsLeft: (total - done) * secondsPerStep,
        values: { loss: step.loss },
      });
    }
    try {
      const { top1, top5 } = await evaluate(model, params, evalLoader(test, context), {
        onBatch: () => signal?.throwIfAborted(),
      });
      const seconds = (performance.now() - started) / 1000;
      return {
        top1,
        top5,
        trainImages: train.length,
        testImages: test.length,
        steps: total,
        seconds,
        losses,
        params,
      };
    } catch (error) {
      disposeParams(params);
      throw error;
    }
  });
}

export interface NeighbourResult {
  /** Fraction of the test images. */
  readonly top1: number;
  readonly top5: number;
  readonly train: LabelledFeatures;
  readonly test: LabelledFeatures;
}

/** k-NN accuracy of the class-like token's features, which learn nothing from labels. */
export async function neighbours(options: {
  readonly name: string;
  readonly backbone: Backbone;
  readonly params: Params;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly report: Reporter;
  readonly signal?: AbortSignal;
}): Promise<NeighbourResult> {
  const { name, backbone, params, train, test, context, report, signal } = options;
  const total = train.length + test.length;
  const outcome = ({ top1 }: NeighbourResult) => `accuracy ${(100 * top1).toFixed(1)} %`;
  return await stage(report, name, { total, unit: "images", outcome }, async ({ progress }) => {
    const started = performance.now();
    const features = async (dataset: ImageDataset, before: number) => {
      const loader = evalLoader(dataset, context);
      return await embed(backbone, params, loader, {
        onBatch(batch) {
          signal?.throwIfAborted();
          const done = before + Math.min(batch * loader.batchSize, dataset.length);
          const imagesPerSecond = done / ((performance.now() - started) / 1000);
          progress({ done, imagesPerSecond, secondsLeft: (total - done) / imagesPerSecond });
        },
      });
    };
    const trained = await features(train, 0);
    const tested = await features(test, train.length);
    const { top1, top5 } = await knn(trained, tested, {
      k: context.settings.neighbours,
      classes: test.classes?.length,
    });
    return { top1, top5, train: trained, test: tested };
  });
}
