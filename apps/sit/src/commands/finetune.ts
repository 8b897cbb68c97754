import { join } from "node:path";
import { disposeParams } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { loadCheckpoint } from "@sitjs/train/node";
import { networkNames } from "../command-line/network-names.js";
import { type SettingScope, scopes } from "../command-line/options.js";
import { type ParsedOptions, resolveRun } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import {
  type CheckpointSettings,
  type FoundCheckpoint,
  type ResumableCommand,
  shapeSettings,
} from "../experiment/checkpoint.js";
import { openData, statisticsOf } from "../experiment/data.js";
import { dataRecord } from "../experiment/data-record.js";
import { byAccuracy, type Judge, supervisedTraining } from "../experiment/evaluation.js";
import type { FoundNetwork } from "../experiment/found-network.js";
import { drawLabelled } from "../experiment/labels.js";
import { leftOutImages } from "../experiment/left-out.js";
import { makeTunedBackbone } from "../experiment/model.js";
import { findNetworkOf } from "../experiment/network.js";
import { ownParts, requireSameParts } from "../experiment/own-parts.js";
import type { OpenDataOptions, RunData } from "../experiment/run-data.js";
import { makeParts, startEngine } from "../experiment/session.js";
import { requireParts } from "../experiment/trained.js";
import { finetuneOutput, type SupervisedOutcome, type SupervisedOutput } from "../output/finetune-files.js";
import { writeReport } from "../output/report-file.js";
import { runFiles } from "../run-folder/files.js";
import { openRunFolder, requireFreeFolder } from "../run-folder/open.js";
import {
  choiceDifferences,
  type Difference,
  engineIdentity,
  isComplete,
  noteResumed,
  requireSameRun,
  runToResume,
} from "../run-folder/resume.js";
import { tellComplete, trainingRun } from "../run-folder/training-run.js";
import { optionName } from "../settings/check.js";
import type { Settings } from "../settings/settings.js";

/** Trains a classifier on labelled images, from a checkpoint or from scratch, and tells its accuracy. */
export const run: Run = async (options, command) => {
  await runSupervised(options, command, {
    command: "finetune",
    defaultOut: "runs/finetune",
    scope: scopes.finetune,
    judge: byAccuracy,
    open: async (source, opening) => ({ data: await openData(source, opening) }),
    output: finetuneOutput,
  });
};

/** What commands that train a classifier differ in. */
export interface SupervisedCommand<Score extends object> {
  readonly command: Exclude<ResumableCommand, "pretrain">;
  readonly defaultOut: string;
  readonly scope: SettingScope;
  readonly judge: Judge<Score>;
  /**
   * Opens the images, training and test, and tells what else a checkpoint has to say of them.
   *
   * @param resumed what the run that goes on has said
   */
  open(
    source: string,
    options: OpenDataOptions,
    resumed: CheckpointSettings | undefined,
  ): Promise<{ readonly data: RunData; readonly saved?: Pick<CheckpointSettings, "annotations"> }>;
  output(outcome: SupervisedOutcome<Score>, out: string): Promise<SupervisedOutput> | SupervisedOutput;
}

/** Trains a classifier on labelled images, from a checkpoint or from scratch, and tells what its judge says of it. */
export async function runSupervised<Score extends object>(
  options: ParsedOptions,
  command: CommandContext,
  own: SupervisedCommand<Score>,
): Promise<void> {
  const { console, signal } = command;
  const { report } = console;
  const { defaultOut, scope } = own;
  const resumed = await runToResume(options, own.command, defaultOut, report);
  const source = await startingPoint(options, resumed, command);
  const choice = await resolveRun(options, {
    defaultOut,
    scope,
    checkpoint: source?.saved.settings,
    resumed: resumed?.saved,
  });
  const { settings, seed, out, workers } = choice;
  const perClass = (options.labelsPerClass as number | undefined) ?? resumed?.saved.labelsPerClass;
  const differences =
    resumed === undefined
      ? []
      : [
          ...choiceDifferences(resumed.saved, choice, scope, { labelsPerClass: perClass }),
          ...startDifference(resumed.saved, options, source),
        ];
  if (resumed !== undefined && (await isComplete(resumed, out))) {
    requireSameRun(resumed, differences, report);
    tellComplete(command, resumed, out);
    return;
  }
  if (source !== undefined && resumed === undefined) requireSameShape(settings, source.saved);
  const replaces =
    resumed === undefined && (await requireFreeFolder(out, { overwrite: options.overwrite === true }));
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const opened = await own.open(choice.data, { ...opening, labelled: true }, resumed?.saved);
  const { data } = opened;
  const record = await dataRecord(data);
  if (resumed !== undefined) requireSameRun(resumed, differences, report, record);
  const test = data.test as NonNullable<typeof data.test>;
  const train = perClass === undefined ? data.train : drawLabelled(data.train, perClass, seed);
  const statistics =
    (resumed ?? source)?.saved.statistics ?? (await statisticsOf(data.train, settings, opening));
  const parts = await makeParts(choice.config, settings, statistics);
  const ofConfig = await ownParts(choice, parts, ["backbone"]);
  if (resumed !== undefined) requireSameParts(resumed, ofConfig);
  else if (source !== undefined) requireParts(source, parts, ["backbone"]);
  const backbone = makeTunedBackbone(settings, parts);

  const folder = await openRunFolder(out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const resume = resumed && (await loadCheckpoint(resumed.named, { onDamaged: resumed.onDamaged }));
    if (resumed && resume) noteResumed(resumed, resume.info.step, engine, report);
    const from = source?.saved.settings.imageSize ?? imageSize;
    if (resume === undefined && from !== imageSize && settings.positions === "learned") {
      const text = `positions are interpolated: images have ${imageSize} pixels a side, ${from} in pretraining`;
      report({ event: "note", text });
    }
    const trained = resume === undefined && source ? await source.load(settings) : undefined;
    if (replaces) report({ event: "note", text: `${out}: the earlier run is overwritten` });
    const saved = {
      kind: "finetune",
      command: own.command,
      preset: choice.preset,
      settings,
      statistics,
      seed,
      data: record,
      classes: test.classes ?? [],
      ...ofConfig,
      workers,
      engine: choice.engine,
      computedBy: engineIdentity(engine),
      labelsPerClass: perClass,
      ...opened.saved,
      start:
        resumed?.saved.start ??
        (source
          ? { checkpoint: source.named, sha256: source.origin.sha256, origin: source.origin }
          : "scratch"),
    } as const satisfies CheckpointSettings;
    const start = saved.start === "scratch" ? "scratch" : "pretrained";
    const hooks = await trainingRun(command, { out, lock: folder.lock, saved, resume });
    const tuning = {
      name: start === "scratch" ? "Training from scratch" : "Fine-tuning",
      backbone,
      start,
      pretrained: trained?.backbone,
      train,
      test,
      context: { settings, statistics, seed, workers, leftOut },
      report,
    } as const;
    const result = await supervisedTraining({ ...tuning, ...hooks }, own.judge);
    trained?.dispose();
    disposeParams(result.params);
    const { context } = tuning;
    const network = saved.start === "scratch" ? undefined : saved.start.origin;
    const outcome = {
      choice,
      engine,
      data,
      start,
      network,
      result,
      context,
      leftOut: leftOut.list(),
    } as const;
    const { summary, report: page, lines } = await own.output(outcome, out);
    await folder.lock.requireHeld();
    await writeReport(out, page);
    await writeFileAtomically(join(out, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
    console.result({ out, ...summary }, lines);
  } finally {
    await folder.close();
  }
}

/** The pretrained network to start from; undefined from scratch, and where a run goes on and none is named. */
async function startingPoint(
  options: ParsedOptions,
  resumed: FoundCheckpoint | undefined,
  { console: { report }, signal }: CommandContext,
): Promise<FoundNetwork | undefined> {
  const { checkpoint, fromScratch } = options;
  if (checkpoint !== undefined && fromScratch === true) {
    throw new SitError("bad-option", "--from-scratch: expected no --checkpoint beside it, got one");
  }
  if (checkpoint === undefined && fromScratch !== true && resumed === undefined) {
    throw new SitError(
      "bad-option",
      `--checkpoint: expected ${networkNames}, or --from-scratch, got neither`,
    );
  }
  if (checkpoint === undefined) return undefined;
  return await findNetworkOf(options, { report, signal });
}

/** Whether a run that goes on is asked to have begun with something else than it has. */
function startDifference(
  { start }: CheckpointSettings,
  { checkpoint, fromScratch }: ParsedOptions,
  source: FoundNetwork | undefined,
): Difference[] {
  const saved = start === undefined || start === "scratch" ? "--from-scratch" : start.checkpoint;
  const option = "--checkpoint";
  if (fromScratch === true && saved !== "--from-scratch") {
    return [{ option, saved, now: "--from-scratch", harmless: false }];
  }
  if (source === undefined) return [];
  if (start !== undefined && start !== "scratch" && start.sha256 === source.origin.sha256) return [];
  const now = saved === checkpoint ? "another state of it" : String(checkpoint);
  return [{ option, saved, now, harmless: false }];
}

/**
 * Throws where options, config or preset ask for another network than the checkpoint holds. Images may have another size:
 * positions are interpolated, but for relative ones, and in a network of a config file, which nobody knows.
 */
function requireSameShape(
  settings: Settings,
  { settings: saved, customParts }: Pick<CheckpointSettings, "settings" | "customParts">,
): void {
  const resizable = saved.positions !== "relative" && !customParts.includes("backbone");
  const names = Object.keys(settings) as (keyof Settings)[];
  const other = names.find(
    (name) =>
      shapeSettings.has(name) && settings[name] !== saved[name] && !(name === "imageSize" && resizable),
  );
  if (other === undefined) return;
  throw new SitError(
    "bad-option",
    `${optionName(other)}: expected ${saved[other]}, as the checkpoint has it, got ${settings[other]}`,
  );
}
