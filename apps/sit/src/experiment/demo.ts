import type { Backbone } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { softmax } from "@sitjs/eval";
import type { ReportMistakes } from "@sitjs/eval/report";
import { adamW, disposeState, initState, type Method, type TrainState } from "@sitjs/train";
import type { Parts } from "../config.js";
import type { NeighbourResult } from "./evaluation.js";
import type { LoaderContext } from "./loaders.js";
import { pretrainLoader } from "./loaders.js";
import { costs, measures, type TuningResult } from "./measures.js";
import { mistakesOf } from "./mistakes.js";
import { makeTunedBackbone } from "./model.js";
import { type ReconstructionPictures, reconstructionPictures } from "./pictures.js";
import { initialStream } from "./pretrain-options.js";
import { type PretrainingResult, pretraining } from "./pretraining.js";
import { type LabelledPoint, projection } from "./projection.js";
import { type Reporter, stage } from "./reporter.js";
import type { PlannedStage } from "./time-left.js";
import type { TrainingHooks } from "./training-options.js";

export interface DemoOptions {
  readonly method: Method;
  readonly backbone: Backbone;
  readonly parts: Parts;
  /** Images to pretrain on; their labels only judge (k-NN), they never train. */
  readonly unlabelled: ImageDataset;
  /** One set of labelled training images for each comparison. */
  readonly labelled: readonly ImageDataset[];
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly report: Reporter;
  /** How pretraining is written down, and all of it stopped. */
  readonly hooks?: TrainingHooks;
  /** Put before the name of each stage, where the experiment is repeated. */
  readonly label?: string;
  /** Leave out pictures and projections, which only a report needs. */
  readonly numbersOnly?: boolean;
}

/** Both ways to a classifier with as many labels. */
export interface Comparison {
  readonly labels: number;
  readonly scratch: TuningResult;
  readonly pretrained: TuningResult;
}

export interface DemoResult {
  readonly pretrain: PretrainingResultNumbers;
  readonly knn: { readonly before: number; readonly after: number };
  readonly comparisons: readonly Comparison[];
  readonly pictures?: {
    readonly train: readonly ReconstructionPictures[];
    readonly test: readonly ReconstructionPictures[];
  };
  /** Of the best classifier. */
  readonly mistakes?: ReportMistakes;
  readonly projections?: { readonly before: LabelledPoint[]; readonly after: LabelledPoint[] };
  readonly timings: readonly { name: string; seconds: number }[];
  readonly seconds: number;
}

type PretrainingResultNumbers = Omit<PretrainingResult, "state">;

const PICTURES = 8;
const PROJECTED_IMAGES = 1000;
/** What a projection takes, about; for the time left. */
const PROJECTION_SECONDS = 5;

const names = {
  before: "k-NN before pretraining",
  pretrain: "Pretraining",
  after: "k-NN after pretraining",
  scratch: (labels: number) => `From scratch, ${labels} labels`,
  pretrained: (labels: number) => `Pretrained, ${labels} labels`,
  projection: "t-SNE of the features",
};

/** The stages of the experiment and what they cost, for the time left. */
export function demoPlan(
  options: Pick<
    DemoOptions,
    "parts" | "unlabelled" | "labelled" | "test" | "context" | "label" | "numbersOnly"
  >,
): PlannedStage[] {
  const { parts, unlabelled, labelled, test, context, label = "", numbersOnly = false } = options;
  const judging = costs.judging(unlabelled, test);
  const plan: PlannedStage[] = [
    { stage: names.before, images: judging },
    { stage: names.pretrain, images: costs.pretraining(unlabelled, context, parts) },
    { stage: names.after, images: judging },
    ...labelled.flatMap((images) => [
      { stage: names.scratch(images.length), images: costs.tuning(images, test, context) },
      { stage: names.pretrained(images.length), images: costs.tuning(images, test, context) },
    ]),
    ...(numbersOnly ? [] : [{ stage: names.projection, seconds: 2 * PROJECTION_SECONDS }]),
  ];
  return plan.map((planned) => ({ ...planned, stage: label + planned.stage }));
}

/**
 * The experiment of the demo: a method on images without labels, then classifiers with few labels from it and from
 * scratch, the same steps each, and k-NN before and after.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { method, backbone, unlabelled, labelled, test, context, hooks = {}, numbersOnly = false } = options;
  const { signal } = hooks;
  const { settings, seed } = context;
  const { report, timings } = timed(options.report, options.label ?? "");
  const started = performance.now();
  const { judge, tune } = measures({
    backbone,
    tuned: makeTunedBackbone(settings, options.parts),
    test,
    context,
    report,
    signal,
  });

  // The very parameters that pretraining begins with.
  const initial = initState(method, adamW(), initialStream(seed));
  let state: TrainState | undefined;
  try {
    const before = await judge(names.before, initial, unlabelled);
    const { state: trained, ...pretrain } = await pretraining({
      method,
      loader: pretrainLoader(unlabelled, context, options.parts),
      settings,
      seed,
      report,
      initial,
      watched: { dataset: unlabelled, context, parts: options.parts },
      ...hooks,
    });
    state = trained;
    const after = await judge(names.after, state, unlabelled);
    const comparisons: Comparison[] = [];
    for (const images of labelled) comparisons.push(await compare(images, state));
    const looks = numbersOnly
      ? {}
      : {
          mistakes: await bestMistakes(comparisons),
          ...(await pictures(state)),
          ...(await project(before, after)),
        };
    return {
      pretrain,
      knn: { before: before.top1, after: after.top1 },
      comparisons,
      ...looks,
      timings,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    if (state !== undefined) disposeState(state);
  }

  async function compare(images: ImageDataset, from: TrainState): Promise<Comparison> {
    return {
      labels: images.length,
      scratch: await tune(names.scratch(images.length), undefined, images),
      pretrained: await tune(names.pretrained(images.length), from, images),
    };
  }

  /** The confusion matrix alone: there are pictures enough. */
  async function bestMistakes(all: readonly Comparison[]): Promise<ReportMistakes> {
    const runs = all.flatMap(({ labels, scratch, pretrained }) => [
      { title: `${labels} labels, pretrained`, ...pretrained },
      { title: `${labels} labels, from scratch`, ...scratch },
    ]);
    const best = runs.reduce((a, b) => (b.top1 > a.top1 ? b : a));
    const probabilities = softmax(best.logits, best.logits.length / test.length);
    return await mistakesOf({ title: best.title, probabilities, test, context, pictured: 0 });
  }

  async function pictures(from: TrainState): Promise<Pick<DemoResult, "pictures">> {
    const of = (dataset: ImageDataset, part: "training" | "test") =>
      reconstructionPictures({ method, params: from.student, dataset, part, count: PICTURES, context });
    const [train, tested] = [await of(unlabelled, "training"), await of(test, "test")];
    return train && tested ? { pictures: { train, test: tested } } : {};
  }

  async function project(
    before: NeighbourResult,
    after: NeighbourResult,
  ): Promise<Pick<DemoResult, "projections">> {
    if (test.length < 10) return {};
    return await stage(report, names.projection, { total: 2, unit: "pictures" }, ({ progress }) => {
      const place = ({ test: features }: NeighbourResult) =>
        projection(features, { count: PROJECTED_IMAGES, seed });
      const first = place(before);
      progress({ done: 1 });
      return { projections: { before: first, after: place(after) } };
    });
  }
}

/** Names every stage with its label, and keeps how long each has taken. */
function timed(report: Reporter, label: string) {
  const timings: { name: string; seconds: number }[] = [];
  return {
    timings,
    report: (event: Parameters<Reporter>[0]) => {
      if (event.event === "stage-end") timings.push({ name: event.stage, seconds: event.seconds });
      report("stage" in event ? { ...event, stage: label + event.stage } : event);
    },
  };
}
