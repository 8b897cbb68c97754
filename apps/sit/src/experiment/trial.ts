import { type Backbone, randomStream } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { adamW, disposeState, initState, type Method, type TrainState } from "@sitjs/train";
import type { Parts } from "../config.js";
import { type LoaderContext, pretrainLoader } from "./loaders.js";
import { costs, measures } from "./measures.js";
import { makeTunedBackbone } from "./model.js";
import { type PretrainingResult, pretraining, type TrainingHooks } from "./pretraining.js";
import type { Reporter } from "./reporter.js";
import type { PlannedStage } from "./time-left.js";

/** One method, or none, with one seed: pretraining, k-NN, and a classifier for each set of labels. */
export interface TrialOptions {
  readonly method: Method;
  /** False: the network as it is before pretraining, whose classifiers start from random parameters. */
  readonly pretrained: boolean;
  readonly backbone: Backbone;
  readonly parts: Parts;
  /** Images to pretrain on; their labels only judge (k-NN). */
  readonly unlabelled: ImageDataset;
  readonly labelled: readonly ImageDataset[];
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  /** Put before the name of each stage. */
  readonly label: string;
  readonly report: Reporter;
  readonly hooks: TrainingHooks;
}

export interface TrialResult {
  /** None where there was no pretraining. */
  readonly pretrain?: Omit<PretrainingResult, "state" | "records">;
  /** Fractions of the test images. */
  readonly knn: number;
  readonly accuracy: readonly { readonly labels: number; readonly top1: number; readonly seconds: number }[];
}

const names = {
  pretrain: "pretraining",
  knn: "k-NN",
  tuned: (labels: number) => `${labels} labels`,
};

/** The stages of a trial and what they cost, for the time left. */
export function trialPlan(options: Omit<TrialOptions, "report" | "hooks">): PlannedStage[] {
  const { pretrained, parts, unlabelled, labelled, test, context, label } = options;
  const plan: PlannedStage[] = [
    ...(pretrained ? [{ stage: names.pretrain, images: costs.pretraining(unlabelled, context, parts) }] : []),
    { stage: names.knn, images: costs.judging(unlabelled, test) },
    ...labelled.map((images) => ({
      stage: names.tuned(images.length),
      images: costs.tuning(images, test, context),
    })),
  ];
  return plan.map((planned) => ({ ...planned, stage: label + planned.stage }));
}

export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  const { method, pretrained, unlabelled, labelled, test, backbone, context, label, report, hooks } = options;
  const { settings, seed } = context;
  const { judge, tune } = measures({
    backbone,
    tuned: makeTunedBackbone(settings, options.parts),
    test,
    context,
    report,
    signal: hooks.signal,
  });
  let state: TrainState | undefined;
  try {
    let pretrain: TrialResult["pretrain"];
    if (pretrained) {
      const loader = pretrainLoader(unlabelled, context, options.parts);
      const name = label + names.pretrain;
      const result = await pretraining({ name, method, loader, settings, seed, report, ...hooks });
      const { state: trained, records, ...numbers } = result;
      state = trained;
      pretrain = numbers;
    } else {
      // The very parameters that pretraining would begin with.
      state = initState(method, adamW(), randomStream(seed, "pretrain").fork("init"));
    }
    const from = state;
    const { top1: knn } = await judge(label + names.knn, from, unlabelled);
    const accuracy = [];
    for (const images of labelled) {
      const name = label + names.tuned(images.length);
      const { top1, seconds } = await tune(name, pretrained ? from : undefined, images);
      accuracy.push({ labels: images.length, top1, seconds });
    }
    return { ...(pretrain && { pretrain }), knn, accuracy };
  } finally {
    if (state !== undefined) disposeState(state);
  }
}
