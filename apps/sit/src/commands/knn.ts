import { join } from "node:path";
import { knn, voteShares } from "@sitjs/eval";
import { scopes } from "../command-line/options.js";
import type { Run } from "../command-line/run-command.js";
import { featuresOf, openJudged } from "../experiment/judged.js";
import { leftOutLines } from "../experiment/left-out.js";
import { mistakesOf } from "../experiment/mistakes.js";
import { judgedReport, judgedSummary, requireResultsFolder, writeResults } from "../output/judged-files.js";
import { runFiles } from "../run-folder/files.js";

/** Tells how well a checkpoint's features classify by their nearest neighbours; writes a report where one is asked for. */
export const run: Run = async (options, context) => {
  const { console, signal } = context;
  const { report } = console;
  const out = options.out as string | undefined;
  const judged = await openJudged(options, context, {
    scope: scopes.knn,
    defaultOut: "",
    look: async () => {
      if (out !== undefined) await requireResultsFolder(out);
    },
  });
  const { settings } = judged.choice;
  const features = await featuresOf(judged, judged.params, { name: "k-NN", report, signal });
  judged.dispose();
  const { top1, top5, scores } = await knn(features.train, features.test, {
    k: settings.neighbours,
    classes: judged.classes,
  });
  // Images that could not be read are not among the neighbours.
  const trainImages = features.train.labels.length;
  const summary = {
    ...judgedSummary("knn", judged),
    neighbours: settings.neighbours,
    trainImages,
    accuracy: { top1, top5 },
  };
  if (out !== undefined) {
    const mistakes = await mistakesOf({
      title: `k-NN, k ${settings.neighbours}`,
      probabilities: voteShares(scores, judged.classes),
      test: judged.test,
      context: judged.context,
    });
    await writeResults(
      out,
      { ...summary, confusion: mistakes.confusion },
      {
        ...judgedReport("Nearest neighbours", judged),
        knn: { after: top1, k: settings.neighbours },
        mistakes: [mistakes],
      },
    );
  }
  console.result({ ...(out !== undefined && { out }), ...summary }, [
    `k-NN accuracy ${(100 * top1).toFixed(2)} % on ${judged.test.length} test images, by ${trainImages} training images, k ${settings.neighbours}`,
    ...leftOutLines(summary.leftOut.images),
    ...(out === undefined ? [] : [`Wrote ${join(out, runFiles.report)}`]),
  ]);
};
