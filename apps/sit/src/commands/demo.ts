import { join } from "node:path";
import { type StagedFolder, stageFolder, writeFileAtomically } from "@sitjs/core/node";
import type { Engine } from "@sitjs/engine";
import { inspectCheckpoint } from "@sitjs/train/node";
import { requireDifferent, scopes } from "../command-line/options.js";
import { type Resolved, resolveRun } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { drawImages, openData, statisticsOf } from "../experiment/data.js";
import { type DataRecord, dataRecord } from "../experiment/data-record.js";
import { type DemoOptions, demoPlan, runDemo } from "../experiment/demo.js";
import { drawLabelled } from "../experiment/labels.js";
import { type LeftOut, leftOutImages } from "../experiment/left-out.js";
import { pretrainLoader } from "../experiment/loaders.js";
import { makeBackbone, makeMethod, methodTexts } from "../experiment/model.js";
import type { Reporter } from "../experiment/reporter.js";
import type { RunData } from "../experiment/run-data.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import { withTotalTimeLeft } from "../experiment/time-left.js";
import { boardOf } from "../output/board-settings.js";
import {
  type DemoSetup,
  type DemoSummary,
  demoLines,
  demoReport,
  demoSummary,
} from "../output/demo-files.js";
import { commandLine } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import { repeatedLines, repeatedResults } from "../output/results.js";
import { watchingData } from "../output/watching-data.js";
import { runFiles } from "../run-folder/files.js";
import { openRunFolder, requireFreeFolder } from "../run-folder/open.js";
import { engineIdentity } from "../run-folder/resume.js";
import { type TrainingFiles, trainingFiles } from "../run-folder/training-files.js";
import { portablePresets } from "../settings/presets.js";

const DEFAULT_LABELS = [10, 100];

/** The whole experiment, from images to the report; with several seeds, once for each. */
export const run: Run = async (options, context) => {
  const { report } = context.console;
  const choice = await resolveRun(options, {
    defaultOut: "runs/demo",
    defaultPreset: "demo",
    scope: scopes.demo,
  });
  const seeds = (options.seeds as number[] | undefined) ?? [choice.seed];
  const perClass = (options.labelsPerClass as number[] | undefined) ?? DEFAULT_LABELS;
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", perClass);
  const replaces = await requireFreeFolder(choice.out, {
    overwrite: options.overwrite === true,
    replaceable: () => isDemo(choice.out),
  });
  const { channels, imageSize } = choice.settings;
  const leftOut = leftOutImages(report);
  const { settings } = choice;
  const opening = { channels, imageSize, settings, leftOut, report, signal: context.signal };
  const data = await openData(choice.data, { ...opening, labelled: true });
  for (const count of perClass) drawLabelled(data.train, count, 0);

  const folder = await openRunFolder(choice.out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    context.signal.throwIfAborted();
    const fitted = fitToEngine(choice, engine, data.train.length);
    for (const text of fitted.warnings) report({ event: "warning", text });
    if (replaces)
      report({ event: "note", text: `${choice.out}: the earlier run is replaced when this one is done` });
    await repeat({ choice: fitted, engine, data, seeds, perClass, context, leftOut });
  } finally {
    await folder.close();
  }
};

/** True where the run in the folder is a demo: it takes minutes, and is made to be repeated. */
async function isDemo(folder: string): Promise<boolean> {
  const found = await inspectCheckpoint(folder).catch(() => undefined);
  return found?.info.settings.command === "demo";
}

/** The experiment with each seed, and the folder with all of it. */
async function repeat(options: {
  readonly choice: Fitted;
  readonly engine: Engine;
  readonly data: RunData;
  readonly seeds: readonly number[];
  readonly perClass: readonly number[];
  readonly context: CommandContext;
  readonly leftOut: LeftOut;
}): Promise<void> {
  const { choice, engine, data, seeds, perClass, context, leftOut } = options;
  const { console, signal, onStop } = context;
  const { report } = console;
  const staged = await stageFolder(choice.out);
  const summaries: DemoSummary[] = [];
  onStop(async () => {
    // Hours of work are not thrown away because a later seed was stopped.
    if (summaries.length === 0) await staged.discard();
    else
      report({ event: "warning", text: `the results of ${summaries.length} seeds stay in ${staged.path}` });
    return undefined;
  });

  const record = await dataRecord(data);
  const made = [];
  for (const seed of seeds) {
    const label = seeds.length > 1 ? `Seed ${seed}: ` : "";
    made.push(
      await prepare({
        choice,
        data,
        record,
        perClass,
        seed,
        label,
        context,
        engine,
        leftOut,
        last: seeds.at(-1),
      }),
    );
  }
  const plan = made.flatMap(({ demo }) => demoPlan(demo));
  const reportAll = withTotalTimeLeft(report, plan);
  for (const { demo, setup, saved, finish } of made) {
    const work = async (files?: TrainingFiles) =>
      await runDemo({
        ...demo,
        report: reportAll,
        hooks: { ...files, signal, ...(files && { folder: choice.out }) },
      });
    // Of several seeds there is no checkpoint: it would be one of many.
    const files = seeds.length === 1 ? await filesOf(staged.path, saved, demo, report) : undefined;
    const result = await work(files);
    const summary = demoSummary(setup, result);
    summaries.push(summary);
    const watching = await watchingData(staged.path, result.pretrain.looks);
    await writeReport(staged.path, { ...demoReport(setup, result), ...watching });
    if (seeds.length > 1) await writeResults(staged, summaries);
    finish(summary);
  }
  const summary = summaries.at(-1) as DemoSummary;
  await writeFileAtomically(join(staged.path, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
  await staged.commit();
  const wrote = `Wrote ${join(choice.out, runFiles.report)} and ${join(choice.out, runFiles.summary)}`;
  if (seeds.length === 1) {
    console.result({ out: choice.out, ...summary }, [...demoLines(summary), wrote]);
  } else {
    const results = repeatedResults(commandLine(), summaries);
    console.result({ out: choice.out, ...results }, [...repeatedLines(results), wrote]);
  }
}

async function filesOf(
  folder: string,
  saved: CheckpointSettings,
  { method, unlabelled, context, parts }: Pick<DemoOptions, "method" | "unlabelled" | "context" | "parts">,
  report: Reporter,
): Promise<TrainingFiles> {
  const { settings } = context;
  const { keepCheckpoints, skipNotFinite } = settings;
  const loader = pretrainLoader(unlabelled, context, parts);
  return await trainingFiles(folder, {
    board: boardOf(method, loader, settings, settings.epochs * loader.stepsPerEpoch),
    settings: { ...saved },
    keep: keepCheckpoints,
    skipNotFinite,
    report,
  });
}

interface Fitted extends Resolved {
  readonly warnings: readonly string[];
}

/** Takes the smaller preset on a portable engine, unless a preset was asked for; and says so. */
function fitToEngine(choice: Resolved, engine: Engine, available: number): Fitted {
  const preset = portablePresets[choice.preset];
  if (engine.native || choice.presetChosen || preset === undefined) return { ...choice, warnings: [] };
  const settings = choice.settingsFor(choice.settings.method, preset);
  const { epochs, width, depth } = settings;
  const images = Math.min(settings.images || available, available);
  const warning =
    `The portable engine ${engine.name} is slow, so this is a smaller demo: width ${width}, depth ${depth}, ` +
    `${images} images, ${epochs} epochs. Its accuracies are lower than those of the native engine.`;
  return { ...choice, preset, settings, warnings: [warning] };
}

/** Everything of one repetition but its work. */
async function prepare(options: {
  readonly choice: Fitted;
  readonly data: RunData;
  readonly record: DataRecord;
  readonly perClass: readonly number[];
  readonly seed: number;
  readonly last: number | undefined;
  readonly label: string;
  readonly context: CommandContext;
  readonly engine: Engine;
  readonly leftOut: LeftOut;
}) {
  const { choice, data, record, perClass, seed, label, context, engine, leftOut, last } = options;
  const { settings, preset, warnings, workers } = choice;
  const statistics = await statisticsOf(data.train, settings, { leftOut, signal: context.signal });
  const parts = await makeParts(choice.config, settings, statistics);
  const backbone = makeBackbone(settings, parts);
  const test = data.test as NonNullable<RunData["test"]>;
  const unlabelled = drawImages(data.train, settings.images, seed, "unlabelled");
  const labelled = perClass.map((count) => drawLabelled(data.train, count, seed));
  const saved: CheckpointSettings = {
    kind: "pretrain",
    command: "demo",
    preset,
    settings,
    statistics,
    seed,
    data: record,
    customParts: customParts(parts),
    config: choice.configFile,
    workers,
    engine: choice.engine,
    computedBy: engineIdentity(engine),
  };
  const method = makeMethod({ settings, backbone, statistics, images: unlabelled.length }, parts);
  const demo: Omit<DemoOptions, "report" | "hooks"> = {
    method,
    backbone,
    parts,
    unlabelled,
    labelled,
    test,
    context: { settings, statistics, seed, workers, leftOut },
    label,
    numbersOnly: seed !== last,
  };
  const setup: DemoSetup = {
    method: methodTexts(settings, parts, method),
    engine,
    preset,
    settings,
    seed,
    dataset: data.name,
    images: unlabelled.length,
    labelled: Math.max(...labelled.map((images) => images.length)),
    test: test.length,
    classes: test.classes,
    warnings,
    leftOut,
  };
  const finish = (summary: DemoSummary) => {
    if (label !== "")
      for (const text of demoLines(summary).filter(Boolean)) context.console.report({ event: "note", text });
  };
  return { demo, setup, saved, finish };
}

async function writeResults(staged: StagedFolder, summaries: readonly DemoSummary[]): Promise<void> {
  const results = repeatedResults(commandLine(), summaries);
  await writeFileAtomically(join(staged.path, runFiles.results), `${JSON.stringify(results, null, 2)}\n`);
}
