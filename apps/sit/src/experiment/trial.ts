import type { Backbone } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { linearProbe } from "@sitjs/eval";
import { adamW, disposeState, initState, type Method, type TrainState } from "@sitjs/train";
import type { Parts } from "../config.js";
import type { NeighbourResult } from "./evaluation.js";
import { type LoaderContext, pretrainLoader } from "./loaders.js";
import { costs, measures } from "./measures.js";
import { makeTunedBackbone } from "./model.js";
import { initialStream } from "./pretrain-options.js";
import { type PretrainingResult, pretraining } from "./pretraining.js";
import { type Reporter, stage } from "./reporter.js";
import type { PlannedStage } from "./time-left.js";
import type { TrainingHooks } from "./training-options.js";

/** One method, or none, with one seed: pretraining, k-NN, and a classifier for each set of labels. */
export interface TrialOptions {
  readonly method: Method;
  /** False: the network as it is before pretraining, whose classifiers start from random parameters. */
  readonly pretrained: boolean;
  readonly backbone: Backbone;
  readonly parts: Parts;
  /** Images to pretrain on; their labels only judge (k-NN). */
  readonly unlabelled: ImageDataset;
  /** Images whose labels judge by k-NN and the linear probe; default `unlabelled`. */
  readonly bank?: ImageDataset;
  /** Judged by a linear probe too. */
  readonly linear?: boolean;
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
  /** Where it was asked for. */
  readonly linear?: number;
  readonly accuracy: readonly { readonly labels: number; readonly top1: number; readonly seconds: number }[];
}

const names = {
  pretrain: "pretraining",
  knn: "k-NN",
  linear: "linear probe",
  tuned: (labels: number) => `${labels} labels`,
};

/** The stages of a trial and what they cost, for the time left. */
export function trialPlan(options: Omit<TrialOptions, "report" | "hooks">): PlannedStage[] {
  const { pretrained, parts, unlabelled, labelled, test, context, label } = options;
  const plan: PlannedStage[] = [
    ...(pretrained ? [{ stage: names.pretrain, images: costs.pretraining(unlabelled, context, parts) }] : []),
    { stage: names.knn, images: costs.judging(options.bank ?? unlabelled, test) },
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
      state = initState(method, adamW(), initialStream(seed));
    }
    const from = state;
    const features = await judge(label + names.knn, from, options.bank ?? unlabelled);
    const linear = options.linear
      ? await probe(label + names.linear, features, { test, seed, report, signal: hooks.signal })
      : undefined;
    const accuracy = [];
    for (const images of labelled) {
      const name = label + names.tuned(images.length);
      const { top1, seconds } = await tune(name, pretrained ? from : undefined, images);
      accuracy.push({ labels: images.length, top1, seconds });
    }
    return {
      ...(pretrain && { pretrain }),
      knn: features.top1,
      ...(linear !== undefined && { linear }),
      accuracy,
    };
  } finally {
    if (state !== undefined) disposeState(state);
  }
}

const PROBE_EPOCHS = 90;

/** The linear probe of features that are there already. */
async function probe(
  name: string,
  { train, test: tested }: NeighbourResult,
  of: Pick<TrialOptions, "test" | "report"> & {
    readonly seed: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<number> {
  const { test, seed, report, signal } = of;
  const outcome = (top1: number) => `accuracy ${(100 * top1).toFixed(1)} %`;
  return await stage(report, name, { total: PROBE_EPOCHS, unit: "epochs", outcome }, async () => {
    const options = { classes: test.classes?.length, epochs: PROBE_EPOCHS, seed, signal };
    return (await linearProbe(train, tested, options)).top1;
  });
}
