import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { findCheckpoint } from "../experiment/checkpoint.js";
import { drawImages, openData } from "../experiment/data.js";
import { neighbours } from "../experiment/evaluation.js";
import { leftOutImages, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { makeBackbone } from "../experiment/model.js";
import { makeParts, startEngine } from "../experiment/session.js";
import { loadTrained, requireParts } from "../experiment/trained.js";

/** Tells how well a checkpoint's features classify by their nearest neighbours. Writes nothing. */
export const run: Run = async (options, { console, signal }) => {
  const { report } = console;
  const found = await findCheckpoint(options.checkpoint as string, "--checkpoint", report);
  const { saved } = found;
  const choice = await resolveRun(options, { defaultOut: "", scope: scopes.knn, checkpoint: saved.settings });
  const { settings, seed, workers } = choice;
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const data = await openData(choice.data, { ...opening, labelled: true });
  const test = data.test as NonNullable<typeof data.test>;
  const train = drawImages(data.train, (options.images as number | undefined) ?? 0, seed, "unlabelled");
  const { statistics } = saved;
  const parts = await makeParts(choice.config, settings, statistics);
  requireParts(found, parts, ["backbone"]);
  const backbone = makeBackbone(settings, parts);

  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const trained = await loadTrained(found, settings);
  const result = await neighbours({
    name: "k-NN",
    backbone,
    params: trained.backbone,
    train,
    test,
    context: { settings, statistics, seed, workers, leftOut },
    report,
    signal,
  });
  trained.dispose();
  const { top1, top5 } = result;
  const trainImages = result.train.labels.length;
  const summary = {
    command: "knn",
    engine: engine.name,
    dataset: data.name,
    neighbours: settings.neighbours,
    trainImages,
    testImages: test.length,
    accuracy: { top1, top5 },
    leftOut: leftOutSummary(leftOut.list()),
  };
  console.result(summary, [
    `k-NN accuracy ${(100 * top1).toFixed(2)} % on ${test.length} test images, by ${trainImages} training images, k ${settings.neighbours}`,
    ...leftOutLines(leftOut.list()),
  ]);
};
