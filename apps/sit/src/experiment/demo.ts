import type { Backbone } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import { softmax } from "@sitjs/eval";
import type { ReportMistakes } from "@sitjs/eval/report";
import { adamW, disposeState, initState, type Method, type TrainState } from "@sitjs/train";
import type { Parts } from "../config.js";
import type { DoneParts } from "./done-parts.js";
import type { LoaderContext } from "./loaders.js";
import { pretrainLoader } from "./loaders.js";
import { costs, measures, type TuningResult } from "./measures.js";
import { mistakesOf } from "./mistakes.js";
import { makeTunedBackbone } from "./model.js";
import { type ReconstructionPictures, reconstructionPictures } from "./pictures.js";
import { initialStream } from "./pretrain-options.js";
import { type PretrainingResult, pretraining } from "./pretraining.js";
import { type DrawnFeatures, drawnFeatures, type LabelledPoint, projection } from "./projection.js";
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
  /** Keeps what is done, and knows what an earlier run of the command has done; default: nothing is kept. */
  readonly done?: DoneParts;
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

/** What is done of an experiment, by names that can be those of files. */
const partNames = {
  before: "before",
  after: "after",
  scratch: (labels: number) => `scratch-${labels}`,
  pretrained: (labels: number) => `pretrained-${labels}`,
};

const nothingKept: DoneParts = { has: () => false, keep: async (_, work) => await work() };

const names = {
  before: "k-NN before pretraining",
  pretrain: "Pretraining",
  after: "k-NN after pretraining",
  scratch: (labels: number) => `From scratch, ${labels} labels`,
  pretrained: (labels: number) => `Pretrained, ${labels} labels`,
  projection: "t-SNE of the features",
};

/** The stages of the experiment that are to be done and what they cost, for the time left. */
export function demoPlan(
  options: Pick<
    DemoOptions,
    "parts" | "unlabelled" | "labelled" | "test" | "context" | "label" | "numbersOnly" | "done"
  >,
): PlannedStage[] {
  const { parts, unlabelled, labelled, test, context, label = "", numbersOnly = false } = options;
  const { has } = options.done ?? nothingKept;
  const judging = costs.judging(unlabelled, test);
  const plan: (PlannedStage & { part?: string })[] = [
    { stage: names.before, images: judging, part: partNames.before },
    { stage: names.pretrain, images: costs.pretraining(unlabelled, context, parts), part: partNames.after },
    { stage: names.after, images: judging, part: partNames.after },
    ...labelled.flatMap((images) => {
      const cost = costs.tuning(images, test, context);
      const { length } = images;
      return [
        { stage: names.scratch(length), images: cost, part: partNames.scratch(length) },
        { stage: names.pretrained(length), images: cost, part: partNames.pretrained(length) },
      ];
    }),
    ...(numbersOnly ? [] : [{ stage: names.projection, seconds: 2 * PROJECTION_SECONDS }]),
  ];
  return plan
    .filter(({ part }) => part === undefined || !has(part))
    .map(({ part, ...planned }) => ({ ...planned, stage: label + planned.stage }));
}

/**
 * The experiment of the demo: a method on images without labels, then classifiers with few labels from it and from
 * scratch, the same steps each, and k-NN before and after.
 */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { method, backbone, unlabelled, labelled, test, context, hooks = {}, numbersOnly = false } = options;
  const { signal, resume } = hooks;
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

  let state: TrainState | undefined;
  try {
    // The very parameters that pretraining begins with.
    state = initState(method, adamW(), initialStream(seed));
    const initial = state;
    const before = await keep(partNames.before, async () => await judged(names.before, initial));
    if (resume !== undefined) disposeState(initial);
    // The training has it now, or nobody.
    state = undefined;
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
    // Of the run in all its parts.
    const timing = timings.find(({ name }) => name === names.pretrain);
    if (timing && resume !== undefined) timing.seconds = pretrain.seconds;
    const after = await keep(partNames.after, async () => await judged(names.after, trained));
    const comparisons: Comparison[] = [];
    for (const images of labelled) comparisons.push(await compare(images, state));
    const looks = numbersOnly
      ? {}
      : {
          mistakes: await bestMistakes(comparisons),
          ...(await pictures(state)),
          ...(await project(before, after)),
        };
    const spent = timings.reduce((sum, { seconds }) => sum + seconds, 0);
    return {
      pretrain,
      knn: { before: before.top1, after: after.top1 },
      comparisons,
      ...looks,
      timings,
      seconds: Math.max(spent, (performance.now() - started) / 1000),
    };
  } finally {
    if (state !== undefined) disposeState(state);
  }

  /** The part with its times, also where it is not done again. */
  async function keep<T extends object>(part: string, work: () => Promise<T>): Promise<T> {
    const first = timings.length;
    const done = await (options.done ?? nothingKept).keep(part, async () => {
      const value = await work();
      return { value, timings: timings.slice(first) };
    });
    if (timings.length === first) timings.push(...done.timings);
    return done.value;
  }

  async function judged(name: string, from: TrainState): Promise<Judged> {
    const { top1, test: features } = await judge(name, from, unlabelled);
    if (numbersOnly) return { top1 };
    return { top1, drawn: drawnFeatures(features, { count: PROJECTED_IMAGES, seed }) };
  }

  async function compare(images: ImageDataset, from: TrainState): Promise<Comparison> {
    const { length: labels } = images;
    return {
      labels,
      scratch: await keep(
        partNames.scratch(labels),
        async () => await tune(names.scratch(labels), undefined, images),
      ),
      pretrained: await keep(
        partNames.pretrained(labels),
        async () => await tune(names.pretrained(labels), from, images),
      ),
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

  async function project(before: Judged, after: Judged): Promise<Pick<DemoResult, "projections">> {
    const [first, second] = [before.drawn, after.drawn];
    if (test.length < 10 || first === undefined || second === undefined) return {};
    return await stage(report, names.projection, { total: 2, unit: "pictures" }, ({ progress }) => {
      const place = (drawn: DrawnFeatures) => projection(drawn, { seed });
      const placed = place(first);
      progress({ done: 1 });
      return { projections: { before: placed, after: place(second) } };
    });
  }
}

/** What k-NN says of a network, and features of some test images, to be drawn. */
interface Judged {
  readonly top1: number;
  readonly drawn?: DrawnFeatures;
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
