import { type Backbone, type ClassificationLoss, cloneParams, disposeParams, type Params } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import type { Batches, ImageDataset } from "@sitjs/data";
import {
  averageOf,
  type Classifier,
  classifier,
  evaluate,
  finetune,
  knn,
  type LabelledFeatures,
  type MixingOptions,
} from "@sitjs/eval";
import { crossEntropy } from "@sitjs/losses";
import type { TrainState } from "@sitjs/train";
import { classifierHead } from "@sitjs/vit";
import type { Settings } from "../settings/settings.js";
import { features } from "./features.js";
import { type StepRecord, stepRecord } from "./learning-curve.js";
import { evalLoader, finetuneLoader, type LoaderContext } from "./loaders.js";
import { atOnce, trainingOptions } from "./pretraining.js";
import { type Reporter, stage } from "./reporter.js";
import type { TrainingHooks } from "./training-options.js";

export interface FinetuningOptions extends TrainingHooks {
  /** What the stage is called. */
  readonly name: string;
  readonly backbone: Backbone;
  /** Where it starts: with random parameters all layers learn at the same rate. */
  readonly start: "scratch" | "pretrained";
  /** Backbone parameters to start from; borrowed. None where the run goes on. */
  readonly pretrained?: Params | undefined;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly report: Reporter;
}

/** What any classifier's training comes to, but for what its judge says of it. */
export interface SupervisedResult {
  readonly trainImages: number;
  readonly testImages: number;
  /** Of the whole run, in all its parts; the seconds with the test. */
  readonly steps: number;
  readonly seconds: number;
  /** Mean loss of each part of the run, and where in epochs the part ended. */
  readonly losses: readonly { epoch: number; loss: number }[];
  /** `backbone.*` and `classifier.*`; belong to the caller. */
  readonly params: Params;
}

/** How a classifier learns from its kind of labels, and how it is judged on the test images. */
export interface Judge<Score extends object> {
  loss(settings: Settings): ClassificationLoss;
  evaluate(model: Classifier, params: Params, loader: Batches, hooks: { onBatch(): void }): Promise<Score>;
  /** In a few words. */
  outcome(score: Score): string;
}

/** Fractions of the test images. */
export interface Accuracy {
  readonly top1: number;
  readonly top5: number;
  /** Of the test images [images x classes]. */
  readonly logits: Float32Array;
}

/** Each image is of one class. */
export const byAccuracy: Judge<Accuracy> = {
  loss: ({ labelSmoothing }) => crossEntropy({ labelSmoothing }),
  async evaluate(...of) {
    const { top1, top5, logits } = await evaluate(...of);
    return { top1, top5, logits };
  },
  outcome: ({ top1 }) => `accuracy ${(100 * top1).toFixed(1)} %`,
};

export type FinetuningResult = SupervisedResult & Accuracy;

/** Trains a classifier on `train` and tells its accuracy on every image of `test`. */
export async function finetuning(options: FinetuningOptions): Promise<FinetuningResult> {
  return await supervisedTraining(options, byAccuracy);
}

/** Trains a classifier on `train` and tells what `judge` makes of it on every image of `test`. */
export async function supervisedTraining<Score extends object>(
  options: FinetuningOptions,
  judge: Judge<Score>,
): Promise<SupervisedResult & Score> {
  const { backbone, start, pretrained, train, test, context, report, signal, name } = options;
  const { resume, earlier = [], onStep, during = atOnce } = options;
  const { settings, seed } = context;
  const classes = test.classes?.length ?? train.classes?.length ?? 0;
  const model = classifier(
    backbone,
    classifierHead({
      kind: settings.classifier,
      input: settings.pool,
      width: backbone.width,
      classes,
    }),
  );
  const loader = finetuneLoader(train, context);
  const total = finetuneTotalSteps(settings, loader);
  return await stage(report, name, { total, unit: "steps", outcome: judge.outcome }, async ({ progress }) => {
    const losses = lossCurve(total, loader.stepsPerEpoch);
    for (const record of earlier) losses.add(record);
    const before = earlier.at(-1)?.seconds ?? 0;
    const started = performance.now();
    const elapsed = () => before + (performance.now() - started) / 1000;
    const tune = async (): Promise<Params> => {
      // A run that was stopped in its test has only that to do.
      if (resume?.state.step === total) return judgedParams(resume.state);
      const run = finetune(model, loader, {
        steps: total,
        loss: judge.loss(settings),
        pretrained,
        learningRate: settings.finetuneLearningRate,
        finalLearningRate: settings.finetuneFinalLearningRate,
        warmupEpochs: settings.finetuneWarmupEpochs,
        weightDecay: settings.finetuneWeightDecay,
        embeddingDecay: settings.embeddingDecay === "on",
        clip: settings.finetuneClip,
        mixing: mixingOf(settings),
        averageDecay: settings.averageDecay,
        // Layers that start at random need their whole learning rate.
        layerDecay: start === "scratch" ? 1 : settings.layerDecay,
        precision: settings.precision,
        seed,
        ...trainingOptions({ ...options, settings }),
        async onStep(step) {
          const record = stepRecord(step, elapsed());
          losses.add(record);
          await onStep?.(record);
        },
      });
      let params: Params = {};
      for await (const step of run) {
        params = step.average ?? step.params;
        if (step.average !== undefined && step.step + 1 === total) disposeParams(step.params);
        const { imagesPerSecond, secondsLeft, loss } = step;
        progress({ done: step.step + 1, imagesPerSecond, secondsLeft, values: { loss } });
      }
      return params;
    };
    const params = await during(tune);
    try {
      const score = await judge.evaluate(model, params, evalLoader(test, context, "test"), {
        onBatch: () => signal?.throwIfAborted(),
      });
      return {
        ...score,
        trainImages: train.length,
        testImages: test.length,
        steps: total,
        seconds: elapsed(),
        losses: losses.values(),
        params,
      };
    } catch (error) {
      disposeParams(params);
      throw options.checkpoints === undefined ? error : testFault(error);
    }
  });
}

/** A test image that has turned out bad when all is learned and saved; other errors as they are. */
function testFault(error: unknown): unknown {
  if (!SitError.isInstance(error) || (error.code !== "bad-file" && error.code !== "missing-file"))
    return error;
  const mend =
    "The training is done and saved. Put the image back as it was: --resume has only the test to do.";
  return new SitError(error.code, error.message, { mend, cause: error });
}

/** Of a state with nothing left to train: the averaged parameters, or those there are; the rest is disposed. */
function judgedParams({ student, teacher, optimizer }: TrainState): Params {
  disposeParams(optimizer);
  const average = averageOf({ student, teacher });
  if (average === undefined || teacher === undefined) return student;
  const judged = cloneParams(average);
  disposeParams(student);
  disposeParams(teacher);
  return judged;
}

/** MixUp and CutMix of the settings; undefined for neither. */
function mixingOf({ mixup, cutmix, mixProbability, mixSwitch }: Settings): MixingOptions | undefined {
  if (mixup === 0 && cutmix === 0) return undefined;
  return { mixup, cutmix, probability: mixProbability, switchProbability: mixSwitch };
}

/** How many steps fine-tuning has by the settings. */
export function finetuneTotalSteps(
  settings: FinetuneLength,
  { stepsPerEpoch }: { readonly stepsPerEpoch: number },
): number {
  return settings.finetuneSteps || settings.finetuneEpochs * stepsPerEpoch;
}

type FinetuneLength = Pick<Settings, "finetuneSteps" | "finetuneEpochs">;

const LOSS_RECORDS = 40;

/** Means of the loss over equal parts of the run. */
function lossCurve(totalSteps: number, stepsPerEpoch: number) {
  const every = Math.ceil(totalSteps / LOSS_RECORDS);
  const losses: { epoch: number; loss: number }[] = [];
  let sum = 0;
  let summed = 0;
  return {
    add({ step, metrics, skipped }: StepRecord) {
      if (!skipped) {
        sum += metrics.loss as number;
        summed++;
      }
      const done = step + 1;
      if (done % every !== 0 && done !== totalSteps) return;
      if (summed > 0) losses.push({ epoch: done / stepsPerEpoch, loss: sum / summed });
      sum = 0;
      summed = 0;
    },
    values: () => losses,
  };
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
  const { name, train, test, context, report } = options;
  const total = train.length + test.length;
  const outcome = ({ top1 }: NeighbourResult) => `accuracy ${(100 * top1).toFixed(1)} %`;
  return await stage(report, name, { total, unit: "images", outcome }, async ({ progress }) => {
    const { train: trained, test: tested } = await features({ ...options, progress });
    const { top1, top5 } = await knn(trained, tested, {
      k: context.settings.neighbours,
      classes: test.classes?.length,
    });
    return { top1, top5, train: trained, test: tested };
  });
}
