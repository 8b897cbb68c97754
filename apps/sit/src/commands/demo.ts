import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { type StagedFolder, writeFileAtomically } from "@sitjs/core/node";
import type { Engine } from "@sitjs/engine";
import { inspectCheckpoint } from "@sitjs/train/node";
import { requireDifferent, scopes } from "../command-line/options.js";
import { type ParsedOptions, resolveRun, runFolderOf } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import { openData } from "../experiment/data.js";
import { type DataRecord, dataRecord } from "../experiment/data-record.js";
import { type DemoOptions, demoPlan, runDemo } from "../experiment/demo.js";
import { drawLabelled } from "../experiment/labels.js";
import { type LeftOut, leftOutImages } from "../experiment/left-out.js";
import { pretrainLoader } from "../experiment/loaders.js";
import { requireSameParts } from "../experiment/own-parts.js";
import type { RunData } from "../experiment/run-data.js";
import { startEngine } from "../experiment/session.js";
import { withTotalTimeLeft } from "../experiment/time-left.js";
import { boardOf } from "../output/board-settings.js";
import { type DemoSummary, demoLines, demoReport, demoSummary } from "../output/demo-files.js";
import { commandLine } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import { repeatedLines, repeatedResults } from "../output/results.js";
import { watchingData } from "../output/watching-data.js";
import {
  type DemoRecord,
  hasResults,
  isUnfinished,
  openDemo,
  partsFolder,
  readDemo,
  unfinishedFolder,
  writeDemo,
} from "../run-folder/demo-folder.js";
import { doneParts } from "../run-folder/done-parts.js";
import { runFiles } from "../run-folder/files.js";
import type { RunLock } from "../run-folder/lock.js";
import { openRunFolder, requireFreeFolder } from "../run-folder/open.js";
import {
  choiceDifferences,
  difference,
  noteOtherEngine,
  requireSameRun,
  resumeCommand,
} from "../run-folder/resume.js";
import { savedTraining } from "../run-folder/saved-training.js";
import { type Fitted, fitToEngine, prepareRepetition } from "./demo-repetition.js";

const DEFAULT_LABELS = [10, 100];

const OUT = "runs/demo";
/** The folder of a pretraining, among what is done with its seed. */
const TRAINING = "training";

/** The whole experiment, from images to the report; with several seeds, once for each. */
export const run: Run = async (options, context) => {
  const { report } = context.console;
  const resumed = await demoToResume(options, context);
  if (resumed === "complete") return;
  const choice = await resolveRun(options, {
    defaultOut: OUT,
    defaultPreset: "demo",
    scope: scopes.demo,
    resumed: resumed?.saved,
  });
  const { out } = choice;
  const seeds = (options.seeds as number[] | undefined) ?? resumed?.seeds ?? [choice.seed];
  const perClass =
    (options.labelsPerClass as number[] | undefined) ?? resumed?.labelsPerClass ?? DEFAULT_LABELS;
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", perClass);
  const replaces = await requireFreeFolder(out, {
    overwrite: options.overwrite === true,
    replaceable: async () => resumed !== undefined || (await isDemo(out)),
  });
  const { channels, imageSize } = choice.settings;
  const leftOut = leftOutImages(report);
  const { settings } = choice;
  const opening = { channels, imageSize, settings, leftOut, report, signal: context.signal };
  const data = await openData(choice.data, { ...opening, labelled: true });
  for (const count of perClass) drawLabelled(data.train, count, 0);
  const record = await dataRecord(data);
  if (resumed !== undefined) {
    const { saved, ...before } = resumed;
    const differences = [
      ...choiceDifferences(saved, choice, scopes.demo),
      ...difference("--seeds", before.seeds.join(), seeds.join()),
      ...difference("--labels-per-class", before.labelsPerClass.join(), perClass.join()),
    ];
    requireSameRun({ named: unfinishedFolder(out), saved }, differences, report, record);
  }

  const folder = await openRunFolder(out);
  try {
    if (resumed === undefined && options.overwrite !== true) await requireNoneUnfinished(out);
    const engine = await startEngine(choice.engine, report, data.note);
    context.signal.throwIfAborted();
    const fitted =
      resumed === undefined
        ? fitToEngine(choice, engine, data.train.length)
        : { ...choice, warnings: resumed.warnings };
    for (const text of fitted.warnings) report({ event: "warning", text });
    if (resumed !== undefined) noteOtherEngine(resumed.saved, engine, report);
    if (replaces)
      report({ event: "note", text: `${out}: the earlier run is replaced when this one is done` });
    await repeat({
      choice: fitted,
      engine,
      data,
      record,
      seeds,
      perClass,
      context,
      leftOut,
      lock: folder.lock,
      resumed,
    });
  } finally {
    await folder.close();
  }
};

/** The demo that `--resume` goes on with; undefined for a new one. One that is complete is told. */
async function demoToResume(
  options: ParsedOptions,
  { console }: CommandContext,
): Promise<DemoRecord | "complete" | undefined> {
  if (options.resume !== true) return undefined;
  if (options.overwrite === true) {
    throw new SitError("bad-option", "--overwrite: expected no --resume beside it, got both");
  }
  const out = await runFolderOf(options, OUT);
  if (!(await isUnfinished(out)) && (await hasResults(out))) {
    console.result({ command: "demo", out, complete: true }, [
      `${out}: the run is complete; nothing was changed`,
    ]);
    return "complete";
  }
  return await readDemo(out);
}

/** @throws SitError "bad-option" where a demo was stopped: its work is not thrown away unasked */
async function requireNoneUnfinished(out: string): Promise<void> {
  if (!(await isUnfinished(out))) return;
  const got = `one in ${unfinishedFolder(out)}`;
  throw new SitError("bad-option", `--out ${out}: expected no demo that was stopped, got ${got}`, {
    mend: `${resumeCommand("demo", out)} goes on with it, --overwrite begins anew.`,
  });
}

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
  readonly record: DataRecord;
  readonly seeds: readonly number[];
  readonly perClass: readonly number[];
  readonly context: CommandContext;
  readonly leftOut: LeftOut;
  readonly lock: RunLock;
  readonly resumed: DemoRecord | undefined;
}): Promise<void> {
  const { choice, seeds, perClass, context, lock, resumed } = options;
  const { out, warnings } = choice;
  const { console, signal, onStop } = context;
  const { report } = console;
  const several = seeds.length > 1;
  const made = [];
  for (const seed of seeds) {
    const label = several ? `Seed ${seed}: ` : "";
    made.push(await prepareRepetition({ ...options, seed, label, last: seeds.at(-1) }));
  }
  const { saved } = made[0] as (typeof made)[number];
  if (resumed !== undefined) requireSameParts(resumed, saved);
  const staged = await openDemo(out, { goesOn: resumed !== undefined });
  onStop(async () => {
    // Hours of work are not thrown away because they were stopped.
    if (!(await isUnfinished(out))) {
      await staged.discard();
      return undefined;
    }
    return { done: `what is done stays in ${staged.path}`, resume: resumeCommand("demo", out) };
  });
  if (resumed === undefined) {
    const begun = { saved: { ...saved, seed: choice.seed }, seeds, labelsPerClass: perClass, warnings };
    await writeDemo(out, begun);
  } else report({ event: "note", text: `Going on with what is done in ${staged.path}` });

  const summaries: DemoSummary[] = [];
  const finished = await doneParts(partsFolder(staged.path));
  const begun = await Promise.all(
    made.map(async (each) => ({
      ...each,
      parts: finished.has(`seed-${each.setup.seed}`)
        ? undefined
        : await doneParts(partsFolder(staged.path, each.setup.seed)),
    })),
  );
  const plan = begun.flatMap(({ demo, parts }) => (parts ? demoPlan({ ...demo, done: parts }) : []));
  const reportAll = withTotalTimeLeft(report, plan);
  for (const { demo, setup, saved, finish, parts } of begun) {
    const { seed } = setup;
    const work = async (): Promise<DemoSummary> => {
      // Of several seeds no checkpoint stays: it would be one of many.
      const training = several ? join(partsFolder(staged.path, seed), TRAINING) : staged.path;
      if (several) await mkdir(training, { recursive: true });
      const files = await savedTraining(training, {
        saved,
        label: demo.label ?? "",
        lock,
        board: boardOfDemo(demo),
        context,
      });
      const hooks = { ...files, signal, folder: out };
      const result = await runDemo({ ...demo, done: parts, report: reportAll, hooks });
      const summary = demoSummary(setup, result);
      const watching = await watchingData(staged.path, result.pretrain.looks);
      await writeReport(staged.path, { ...demoReport(setup, result), ...watching });
      return summary;
    };
    const last = seed === seeds.at(-1);
    const summary = last ? await work() : await finished.keep(`seed-${seed}`, work);
    if (!last) await rm(join(partsFolder(staged.path, seed), TRAINING), { recursive: true, force: true });
    summaries.push(summary);
    if (several) await writeResults(staged, summaries);
    finish(summary);
  }
  const summary = summaries.at(-1) as DemoSummary;
  await writeFileAtomically(join(staged.path, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
  await staged.commit();
  const wrote = `Wrote ${join(out, runFiles.report)} and ${join(out, runFiles.summary)}`;
  if (several) {
    const results = repeatedResults(commandLine(), summaries);
    console.result({ out, ...results }, [...repeatedLines(results), wrote]);
  } else {
    console.result({ out, ...summary }, [...demoLines(summary), wrote]);
  }
}

function boardOfDemo({
  method,
  unlabelled,
  context,
  parts,
}: Pick<DemoOptions, "method" | "unlabelled" | "context" | "parts">) {
  const { settings } = context;
  const loader = pretrainLoader(unlabelled, context, parts);
  return boardOf(method, loader, settings, settings.epochs * loader.stepsPerEpoch);
}

async function writeResults(staged: StagedFolder, summaries: readonly DemoSummary[]): Promise<void> {
  const results = repeatedResults(commandLine(), summaries);
  await writeFileAtomically(join(staged.path, runFiles.results), `${JSON.stringify(results, null, 2)}\n`);
}
