import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type StagedFolder, stageFolder, writeFileAtomically } from "@sitjs/core/node";
import type { Engine } from "@sitjs/engine";
import { checkpointFolder } from "@sitjs/train/node";
import { scopes } from "../command-line/options.js";
import { type Resolved, resolveRun } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { drawImages, openData, type RunData, statisticsOf } from "../experiment/data.js";
import { type DemoOptions, demoPlan, runDemo } from "../experiment/demo.js";
import { drawLabelled } from "../experiment/labels.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import { withTotalTimeLeft } from "../experiment/time-left.js";
import {
  type DemoSetup,
  type DemoSummary,
  demoLines,
  demoReport,
  demoSummary,
} from "../output/demo-files.js";
import { checkRunFolder, runFiles } from "../output/files.js";
import { historyFile } from "../output/history.js";
import { commandLine } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import { repeatedLines, repeatedResults } from "../output/results.js";
import { checkSettings } from "../settings/check.js";
import { presets } from "../settings/presets.js";

const DEFAULT_LABELS = [10, 100];

/** The whole experiment, from images to the report; with several seeds, once for each. */
export const run: Run = async (options, context) => {
  const { console, signal, onStop } = context;
  const { report } = console;
  const choice = await resolveRun(options, {
    defaultOut: "runs/demo",
    defaultPreset: "demo",
    scope: scopes.demo,
  });
  const seeds = (options.seeds as number[] | undefined) ?? [choice.seed];
  const perClass = (options.labelsPerClass as number[] | undefined) ?? DEFAULT_LABELS;
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", perClass);
  const replaces = await checkRunFolder(choice.out);
  const { channels, imageSize } = choice.settings;
  const data = await openData(choice.data, { channels, imageSize, labelled: true, report });
  for (const count of perClass) drawLabelled(data.train, count, 0);

  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const fitted = fitToEngine(choice, engine, data.train.length);
  for (const text of fitted.warnings) report({ event: "warning", text });
  if (replaces)
    report({ event: "note", text: `${choice.out}: the earlier run is replaced when this one is done` });
  const staged = await stageFolder(choice.out);
  const summaries: DemoSummary[] = [];
  onStop(async () => {
    // Hours of work are not thrown away because a later seed was stopped.
    if (summaries.length === 0) await staged.discard();
    else
      report({ event: "warning", text: `the results of ${summaries.length} seeds stay in ${staged.path}` });
  });

  const made = [];
  for (const seed of seeds) {
    const label = seeds.length > 1 ? `Seed ${seed}: ` : "";
    made.push(
      await prepare({
        choice: fitted,
        data,
        perClass,
        seed,
        label,
        context,
        engine,
        staged,
        last: seeds.at(-1),
      }),
    );
  }
  const plan = made.flatMap(({ demo }) => demoPlan(demo));
  const reportAll = withTotalTimeLeft(report, plan);
  for (const { demo, setup, finish } of made) {
    const history = seeds.length === 1 ? await historyFile(staged.path, false) : undefined;
    try {
      const result = await runDemo({
        ...demo,
        report: reportAll,
        onStep: (record) => history?.write(record),
      });
      const summary = demoSummary(setup, result);
      summaries.push(summary);
      await writeReport(staged.path, demoReport(setup, result));
      if (seeds.length > 1) await writeResults(staged, summaries);
      finish(summary);
    } finally {
      await history?.close();
    }
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
};

interface Fitted extends Resolved {
  readonly warnings: readonly string[];
}

/** Takes the smaller preset on a portable engine, unless a preset was asked for; and says so. */
function fitToEngine(choice: Resolved, engine: Engine, available: number): Fitted {
  if (engine.native || choice.presetChosen) return { ...choice, warnings: [] };
  const settings = { ...presets["demo-portable"], ...choice.overrides };
  checkSettings(settings);
  const { epochs, width, depth } = settings;
  const images = Math.min(settings.images || available, available);
  const warning =
    `The portable engine ${engine.name} is slow, so this is a smaller demo: width ${width}, depth ${depth}, ` +
    `${images} images, ${epochs} epochs. Its accuracies are lower than those of the native engine.`;
  return { ...choice, preset: "demo-portable", settings, warnings: [warning] };
}

/** Everything of one repetition but its work. */
async function prepare(options: {
  readonly choice: Fitted;
  readonly data: RunData;
  readonly perClass: readonly number[];
  readonly seed: number;
  readonly last: number | undefined;
  readonly label: string;
  readonly context: CommandContext;
  readonly engine: Engine;
  readonly staged: StagedFolder;
}) {
  const { choice, data, perClass, seed, label, context, engine, staged, last } = options;
  const { settings, preset, warnings, workers } = choice;
  const statistics = await statisticsOf(data.train, settings);
  const parts = await makeParts(choice.config, settings, statistics);
  const backbone = makeBackbone(settings, parts);
  const test = data.test as NonNullable<RunData["test"]>;
  const unlabelled = drawImages(data.train, settings.images, seed, "unlabelled");
  const labelled = perClass.map((count) => drawLabelled(data.train, count, seed));
  const saved: CheckpointSettings = {
    kind: "pretrain",
    settings,
    statistics,
    seed,
    data: data.name,
    customParts: customParts(parts),
  };
  const demo: Omit<DemoOptions, "report"> = {
    method: makeMethod(settings, { ...parts, backbone }),
    backbone,
    parts,
    unlabelled,
    labelled,
    test,
    context: { settings, statistics, seed, workers },
    signal: context.signal,
    label,
    numbersOnly: seed !== last,
    ...(label === "" && { checkpoints: checkpointFolder(staged.path, { ...saved }) }),
  };
  const setup: DemoSetup = {
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
  };
  const finish = (summary: DemoSummary) => {
    if (label !== "")
      for (const text of demoLines(summary).filter(Boolean)) context.console.report({ event: "note", text });
  };
  return { demo, setup, finish };
}

async function writeResults(staged: StagedFolder, summaries: readonly DemoSummary[]): Promise<void> {
  const results = repeatedResults(commandLine(), summaries);
  await writeFileAtomically(join(staged.path, runFiles.results), `${JSON.stringify(results, null, 2)}\n`);
}

function requireDifferent(option: string, values: readonly number[]): void {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined)
    throw new SitError("bad-option", `${option}: expected different numbers, got ${twice} twice`);
}
