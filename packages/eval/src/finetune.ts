import {
  type ClassificationLoss,
  cloneParams,
  disposeParams,
  isBuffer,
  type Params,
  partRecords,
  pick,
  requireOption,
  trainable,
} from "@sitjs/core";
import {
  adamW,
  type BatchSource,
  cosineSchedule,
  type Duration,
  durationInSteps,
  layerDecayRules,
  type Method,
  matrixDecayRules,
  type Optimizer,
  type RunOptions,
  type Schedule,
  type StepReport,
  scaledLearningRate,
  type TrainState,
  train,
  weightDecayRules,
} from "@sitjs/train";
import type * as tf from "@tensorflow/tfjs";
import { batchTargets } from "./batch-targets.js";
import { CLASSIFIER_PREFIXES, type Classifier } from "./classifier.js";
import { type MixingOptions, mixing } from "./mixing.js";
import { oneHotRows } from "./rows.js";

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
  /** Whether the class token and the positions decay too, as SiT and DINO have it; DeiT and MAE do not (default true). */
  embeddingDecay?: boolean;
  /** Largest Euclidean norm of all gradients together; 0: not clipped (default). */
  clip?: number;
  /** MixUp and CutMix (default: neither; `{}` for DeiT's). */
  mixing?: MixingOptions | undefined;
  /**
   * Decay of an exponential moving average of all parameters, in [0, 1); 0: none (default). In the first steps it is
   * (1 + step) / (10 + step) where that is less, so that the random start is soon forgotten. DeiT's is 0.99996.
   */
  averageDecay?: number;
  /** Default `adamW` with the rules above. */
  optimizer?: Optimizer;
}

export type FinetuneOptions = FinetuneSettings & Duration;

/** Told after every step; `state` is gone after the last one, but for the parameters. */
export interface FinetuneReport extends StepReport {
  readonly loss: number;
  /** Borrowed until the next step; the last ones belong to the caller. */
  readonly params: Params;
  /** With `averageDecay`: the moving averages, and the buffers of `params`; as borrowed as those, its own tensors at last. */
  readonly average: Params | undefined;
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
  const { weightDecay = 0.05, averageDecay = 0 } = options;
  requireOption(averageDecay >= 0 && averageDecay < 1, "averageDecay", "a number in [0, 1)", averageDecay);
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
    momentum: averageSchedule(averageDecay),
    optimizer: options.optimizer ?? finetuneOptimizer(model, options),
    stream: "finetune",
  };
  const method = supervised(model, loss, pretrained, {
    mixing: options.mixing,
    average: averageDecay > 0,
  });
  for await (const report of train(method, loader, plan, options)) {
    const { student: params, optimizer: memory } = report.state;
    const last = report.step + 1 === totalSteps;
    if (last) disposeParams(memory);
    const average = last ? takeAverage(report.state) : averageOf(report.state);
    yield { ...report, loss: report.metrics.loss as number, params, average };
  }
}

function finetuneOptimizer(model: Classifier, options: FinetuneSettings): Optimizer {
  const { layerDecay = 0.65, embeddingDecay = true, clip = 0 } = options;
  requireOption(clip >= 0, "clip", "a norm of at least 0", clip);
  const rules = layerDecayRules({
    depth: model.backbone.depth,
    decay: layerDecay,
    prefix: CLASSIFIER_PREFIXES.backbone,
    rules: embeddingDecay ? matrixDecayRules : weightDecayRules,
  });
  const own = adamW({ rules, ...(clip > 0 && { clipping: { global: clip } }) });
  const more = embeddingDecay ? { layerDecay } : { layerDecay, embeddingDecay };
  return { ...own, settings: { ...own.settings, ...more } };
}

/** What the average keeps of itself in each step; 1 where there is none. */
function averageSchedule(decay: number): Schedule {
  return decay === 0 ? () => 1 : (step) => Math.min(decay, (1 + step) / (10 + step));
}

/**
 * The averaged network of a state of `finetune`: the averages of all that is trained, and buffers as they are now.
 * Tensors are shared with the state; undefined without an average.
 */
export function averageOf({ student, teacher }: Pick<TrainState, "student" | "teacher">): Params | undefined {
  return teacher && { ...trainable(teacher), ...pick(student, isBuffer) };
}

/** The same with tensors of its own; the state's are disposed, the student's left. */
function takeAverage(state: Pick<TrainState, "student" | "teacher">): Params | undefined {
  const average = averageOf(state);
  if (average === undefined) return undefined;
  const own = cloneParams(average);
  disposeParams(state.teacher as Params);
  return own;
}

/**
 * Supervised training of a classifier as a method: one view, the labels of the batch or, where it has targets, those.
 *
 * @param pretrained backbone parameters to start from, copied
 * @param how.mixing MixUp and CutMix; none where it is left out
 * @param how.average keep a moving average of the parameters, by the run's momentum, in the teacher's place
 */
export function supervised(
  model: Classifier,
  loss: ClassificationLoss,
  pretrained?: Params,
  how: { readonly mixing?: MixingOptions | undefined; readonly average?: boolean } = {},
): Method {
  const mixed = how.mixing && mixing(how.mixing);
  return {
    name: "supervised",
    backbone: model.backbone,
    settings: {
      ...partRecords({ head: model.head, loss }),
      classes: model.head.classes,
      mixing: mixed?.settings ?? "none",
      average: how.average ?? false,
    },
    backbonePrefix: CLASSIFIER_PREFIXES.backbone,
    views: 1,
    init: (rng) => model.init(rng, pretrained),
    initTeacher: (student) => (how.average ? student : undefined),
    prepare({ views, labels, targets: shown, rng }) {
      const [plain] = views as [tf.Tensor4D];
      const { classes } = model.head;
      const own = batchTargets({ labels, targets: shown }, plain.shape[0], classes);
      const { images, targets } =
        mixed === undefined
          ? { images: plain, targets: own }
          : mixed.mix(
              plain,
              shown === undefined ? oneHotRows(labels as Int32Array, classes) : (own as tf.Tensor2D),
              rng.fork("mixing"),
            );
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
