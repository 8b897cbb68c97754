import { join } from "node:path";
import { type Backbone, disposeParams, type Params, randomStream } from "@sitjs/core";
import { subset } from "@sitjs/data";
import { drawShots, type FewShotMethod, fewShot, type LabelledFeatures, meanInterval } from "@sitjs/eval";
import type { ReportFewShot } from "@sitjs/eval/report";
import { requireDifferent, scopes } from "../command-line/options.js";
import type { Run } from "../command-line/run-command.js";
import { finetuning } from "../experiment/evaluation.js";
import { featuresOf, type Judged, openJudged } from "../experiment/judged.js";
import { leftOutLines } from "../experiment/left-out.js";
import { type Reporter, stage } from "../experiment/reporter.js";
import { judgedReport, judgedSummary, requireResultsFolder, writeResults } from "../output/judged-files.js";
import { runFiles } from "../run-folder/files.js";

const names: Record<FewShotMethod, string> = {
  "nearest-mean": "class means",
  logistic: "logistic",
  knn: "k-NN",
};
const TUNED = "fine-tuned";

interface Asked {
  readonly shots: readonly number[];
  readonly draws: number;
  readonly strength: number | undefined;
  readonly finetune: number;
  readonly report: Reporter;
  readonly signal: AbortSignal;
}

/** Tells how well a few labelled images of each class do with a checkpoint's features, over many draws. */
export const run: Run = async (options, context) => {
  const { console, signal } = context;
  const { report } = console;
  const out = (options.out as string | undefined) ?? "runs/fewshot";
  const asked: Asked = {
    shots: (options.shots as number[] | undefined) ?? [1, 5, 10, 20],
    draws: (options.draws as number | undefined) ?? 20,
    strength: options.strength as number | undefined,
    finetune: (options.finetune as number | undefined) ?? 0,
    report,
    signal,
  };
  requireDifferent("--shots", asked.shots);
  const judged = await openJudged(options, context, {
    scope: scopes.fewshot,
    defaultOut: out,
    async look({ train }) {
      requireShots(train.labels as Int32Array, train.classes, asked.shots);
      await requireResultsFolder(out);
    },
  });
  const { backbone, params, context: how } = judged;
  const results: ReportFewShot[] = [];
  let trainImages = judged.train.length;
  try {
    const own = await judge(judged, params, asked, "");
    results.push(...own.results);
    // Images that could not be read are not among those that are drawn from.
    trainImages = own.trainImages;
    if (options.fromScratch === true) {
      const random = backbone.init(randomStream(how.seed, "few-shot baseline"));
      try {
        results.push(...(await judge(judged, random, asked, "random ")).results);
      } finally {
        disposeParams(random);
      }
    }
    if (asked.finetune > 0) {
      results.push(...(await tuned(judged, backbone, params, asked, "")));
      if (options.fromScratch === true)
        results.push(...(await tuned(judged, backbone, undefined, asked, "scratch ")));
    }
  } finally {
    judged.dispose();
  }
  const summary = { ...judgedSummary("fewshot", judged), trainImages, draws: asked.draws, results };
  await writeResults(out, summary, { ...judgedReport("Few-shot classification", judged), fewShot: results });
  console.result({ out, ...summary }, [
    `Accuracy on ${judged.test.length} test images: mean of ${asked.draws} draws and its 95 % interval`,
    ...table(results, asked.shots),
    ...leftOutLines(summary.leftOut.images),
    `Wrote ${join(out, runFiles.report)}`,
  ]);
};

/** Looks at all draws' sizes before anything is computed. */
function requireShots(
  labels: Int32Array,
  classes: readonly string[] | undefined,
  shots: readonly number[],
): void {
  const count = classes?.length ?? 0;
  try {
    drawShots(labels, { shots: Math.max(...shots), classes: count, seed: 0, draw: 0 });
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replace(/^shots/, "--shots");
    throw error;
  }
}

async function judge(
  judged: Judged,
  params: Params,
  { shots, draws, strength, report, signal }: Asked,
  whose: string,
): Promise<{ results: ReportFewShot[]; trainImages: number }> {
  const { settings, seed } = judged.context;
  const of = await featuresOf(judged, params, { name: `${whose}features`, report, signal });
  const total = shots.length * draws;
  const found = await stage(report, `${whose}few-shot`, { total, unit: "draws" }, async ({ progress }) =>
    fewShot(of.train as LabelledFeatures, of.test, {
      shots,
      draws,
      ...(strength !== undefined && { strength }),
      neighbours: settings.neighbours,
      classes: judged.classes,
      seed,
      signal,
      onDraw: (done) => progress({ done }),
    }),
  );
  const results = found.map(({ method, ...numbers }) => ({ name: whose + names[method], ...numbers }));
  return { results, trainImages: of.train.labels.length };
}

/** The first few of the same draws, the whole network trained. */
async function tuned(
  { train, test, context }: Judged,
  backbone: Backbone,
  pretrained: Params | undefined,
  { shots, finetune, report, signal }: Asked,
  whose: string,
): Promise<ReportFewShot[]> {
  const classes = test.classes?.length ?? 0;
  const results: ReportFewShot[] = [];
  for (const count of shots) {
    const accuracies: number[] = [];
    for (let draw = 0; draw < finetune; draw++) {
      const rows = drawShots(train.labels as Int32Array, { shots: count, classes, seed: context.seed, draw });
      const { top1, params } = await finetuning({
        name: `${whose}${TUNED}, ${count} a class, draw ${draw + 1}`,
        backbone,
        start: pretrained === undefined ? "scratch" : "pretrained",
        pretrained,
        train: subset(train, rows.flat()),
        test,
        context,
        report,
        signal,
      });
      disposeParams(params);
      accuracies.push(top1);
    }
    results.push({ name: whose + TUNED, shots: count, accuracies, ...meanInterval(accuracies) });
  }
  return results;
}

function table(results: readonly ReportFewShot[], shots: readonly number[]): string[] {
  const cell = ({ mean, low, high }: ReportFewShot) =>
    `${(100 * mean).toFixed(1)} ± ${(50 * (high - low)).toFixed(1)} %`.padStart(16);
  const methods = [...new Set(results.map(({ name }) => name))];
  return [
    `${"".padEnd(20)}${shots.map((count) => `${count} a class`.padStart(16)).join("")}`,
    ...methods.map((name) => {
      const own = results.filter((row) => row.name === name);
      return `${name.padEnd(20)}${own.map(cell).join("")}`;
    }),
  ];
}
