import { join } from "node:path";
import {
  augmentedProbe,
  chooseLearningRate,
  type FeatureKind,
  type LinearProbeResult,
  linearProbe,
  softmax,
} from "@sitjs/eval";
import { lars, sgd } from "@sitjs/train";
import { requireDifferent, scopes } from "../command-line/options.js";
import type { Run } from "../command-line/run-command.js";
import { featuresOf, type Judged, openJudged } from "../experiment/judged.js";
import { drawLabelled } from "../experiment/labels.js";
import { leftOutLines } from "../experiment/left-out.js";
import { evalLoader, probeLoader } from "../experiment/loaders.js";
import { mistakesOf } from "../experiment/mistakes.js";
import { type Reporter, stage } from "../experiment/reporter.js";
import { judgedReport, judgedSummary, requireResultsFolder, writeResults } from "../output/judged-files.js";
import { runFiles } from "../run-folder/files.js";
import {
  type LinearChoice,
  linearDefaults,
  type linearOptimizers,
  requireLayers,
} from "../settings/linear.js";

/** Tells how well one linear layer on a checkpoint's frozen features classifies. */
export const run: Run = async (options, context) => {
  const { console, signal } = context;
  const { report } = console;
  const out = (options.out as string | undefined) ?? "runs/linear";
  const how = { ...linearDefaults, ...given(options) };
  requireDifferent("--learning-rates", how.learningRates);
  const perClass = options.labelsPerClass as number | undefined;
  const opened = await openJudged(options, context, {
    scope: scopes.linear,
    defaultOut: out,
    async look({ train, backbone, choice }) {
      requireLayers(how.layers, backbone.depth);
      if (perClass !== undefined) drawLabelled(train, perClass, choice.seed);
      await requireResultsFolder(out);
    },
  });
  const { seed } = opened.choice;
  const train = perClass === undefined ? opened.train : drawLabelled(opened.train, perClass, seed);
  const judged: Judged = { ...opened, train };
  const started = performance.now();
  const { result, learningRate, tried, labels } = await probed(judged, how, { report, signal });
  judged.dispose();
  const seconds = (performance.now() - started) / 1000;
  const { top1, top5 } = result;
  const mistakes = await mistakesOf({
    title: "Linear probe",
    probabilities: softmax(result.logits, judged.classes),
    test: judged.test,
    context: judged.context,
  });
  const { features, layers, epochs, optimizer, augment, batchSize } = how;
  const summary = {
    ...judgedSummary("linear", judged),
    trainImages: labels,
    labels,
    features,
    layers,
    epochs,
    batchSize,
    optimizer,
    augment,
    learningRate,
    ...(tried.length > 0 && { tried }),
    loss: result.loss,
    accuracy: { top1, top5 },
    seconds,
  };
  await writeResults(
    out,
    { ...summary, confusion: mistakes.confusion },
    {
      ...judgedReport("Linear probe", judged),
      linear: {
        top1,
        top5,
        labels,
        epochs,
        learningRate,
        optimizer,
        features: layers === 1 ? features : `${features}, last ${layers} blocks`,
        augmented: augment,
        ...(tried.length > 0 && { tried }),
      },
      mistakes: [mistakes],
      timings: [{ name: "features and probe", seconds }],
    },
  );
  console.result({ out, ...summary }, [
    `Linear probe accuracy ${(100 * top1).toFixed(2)} % on ${judged.test.length} test images, by ${labels} labels, learning rate ${learningRate}`,
    ...leftOutLines(summary.leftOut.images),
    `Wrote ${join(out, runFiles.report)}`,
  ]);
};

/** The command's own options, where they were given. */
function given(options: Readonly<Record<string, unknown>>): Partial<LinearChoice> {
  const names = Object.keys(linearDefaults) as (keyof LinearChoice)[];
  return Object.fromEntries(
    names.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
  );
}

interface Probed {
  readonly result: LinearProbeResult;
  readonly learningRate: number;
  readonly tried: readonly { readonly learningRate: number; readonly top1: number }[];
  readonly labels: number;
}

async function probed(
  judged: Judged,
  how: LinearChoice,
  { report, signal }: { readonly report: Reporter; readonly signal: AbortSignal },
): Promise<Probed> {
  const { backbone, params, train, test, classes, context } = judged;
  const { epochs, batchSize, learningRates, layers, augment } = how;
  const { seed } = context;
  const features = how.features as FeatureKind;
  const optimizer = { sgd, lars }[how.optimizer as (typeof linearOptimizers)[number]]();
  const common = { epochs, classes, optimizer, seed, signal };
  const accuracyOf = ({ top1 }: LinearProbeResult) => `accuracy ${(100 * top1).toFixed(1)} %`;
  const several = learningRates.length > 1;
  const cached =
    several || !augment
      ? await featuresOf(judged, params, { name: "Features", features, layers, report, signal })
      : undefined;
  const choice =
    several && cached
      ? await stage(report, "Learning rates", {}, () =>
          chooseLearningRate(cached.train, learningRates, { ...common, batchSize }),
        )
      : { learningRate: learningRates[0] as number, tried: [] };
  const { learningRate, tried } = choice;
  if (!augment && cached) {
    const result = await stage(report, "Linear probe", { outcome: accuracyOf }, () =>
      linearProbe(cached.train, cached.test, { ...common, batchSize, learningRate }),
    );
    return { result, learningRate, tried, labels: cached.train.labels.length };
  }
  const loader = probeLoader(train, context, batchSize);
  const total = epochs * loader.stepsPerEpoch;
  const result = await stage(
    report,
    "Linear probe on augmented images",
    { total, unit: "steps", outcome: accuracyOf },
    async ({ progress }) =>
      await augmentedProbe(backbone, params, loader, evalLoader(test, context, "test"), {
        ...common,
        features,
        layers,
        learningRate,
        onStep({ step, imagesPerSecond, secondsLeft, metrics }) {
          progress({
            done: step + 1,
            imagesPerSecond,
            secondsLeft,
            values: { loss: metrics.loss as number },
          });
        },
      }),
  );
  return { result, learningRate, tried, labels: train.length };
}
