import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { estimateLines } from "../console/estimate.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { drawImages, openData, statisticsOf } from "../experiment/data.js";
import { dataRecord } from "../experiment/data-record.js";
import { dryRun } from "../experiment/dry-run.js";
import { leftOutImages } from "../experiment/left-out.js";
import { pretrainLoader } from "../experiment/loaders.js";
import { makeBackbone, makeMethod, methodTexts } from "../experiment/model.js";
import { ownParts, requireSameParts } from "../experiment/own-parts.js";
import { reconstructionPictures } from "../experiment/pictures.js";
import { pretraining } from "../experiment/pretraining.js";
import { makeParts, startEngine } from "../experiment/session.js";
import { boardOf } from "../output/board-settings.js";
import { pretrainLines, pretrainReport, pretrainSummary } from "../output/pretrain-files.js";
import { writeReport } from "../output/report-file.js";
import { watchingData } from "../output/watching-data.js";
import { runFiles } from "../run-folder/files.js";
import { openRunFolder, requireFreeFolder } from "../run-folder/open.js";
import {
  choiceDifferences,
  engineIdentity,
  isComplete,
  noteResumed,
  requireSameRun,
  runToResume,
} from "../run-folder/resume.js";
import { tellComplete, trainingRun } from "../run-folder/training-run.js";

const PICTURES = 8;
const OUT = "runs/pretrain";

/** Pretrains on images without labels; writes checkpoints, history, summary and report. */
export const run: Run = async (options, command) => {
  const { console, signal } = command;
  const { report } = console;
  const dry = options.dryRun === true;
  if (dry && options.resume === true) {
    throw new SitError("bad-option", "--dry-run: expected no --resume beside it, got both");
  }
  const found = await runToResume(options, "pretrain", OUT, report);
  const choice = await resolveRun(options, {
    defaultOut: OUT,
    scope: scopes.pretrain,
    resumed: found?.saved,
  });
  const { settings, seed, out, workers } = choice;
  const steps = (options.steps as number | undefined) ?? found?.saved.steps;
  const differences = found ? choiceDifferences(found.saved, choice, scopes.pretrain, { steps }) : [];
  if (found !== undefined && (await isComplete(found, out))) {
    requireSameRun(found, differences, report);
    tellComplete(command, found, out);
    return;
  }
  const replaces =
    found === undefined && !dry && (await requireFreeFolder(out, { overwrite: options.overwrite === true }));
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const data = await openData(choice.data, { ...opening, labelled: false });
  const record = await dataRecord({ ...data, test: undefined });
  if (found !== undefined) requireSameRun(found, differences, report, record);
  const images = drawImages(data.train, settings.images, seed, "unlabelled");
  const statistics = found?.saved.statistics ?? (await statisticsOf(data.train, settings, opening));
  const parts = await makeParts(choice.config, settings, statistics);
  const own = await ownParts(choice, parts);
  if (found !== undefined) requireSameParts(found, own);
  const backbone = makeBackbone(settings, parts);
  const method = makeMethod({ settings, backbone, statistics, images: images.length }, parts);
  const context = { settings, statistics, seed, workers, leftOut };
  const loader = pretrainLoader(images, context, parts);
  const run = { method, loader, settings, seed, report, maximumSteps: steps };
  const watched = { dataset: images, context, parts };
  if (dry) {
    await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const estimate = await dryRun({ ...run, watched, folder: out, signal });
    console.result({ command: "pretrain", dryRun: true, ...estimate }, estimateLines(estimate));
    return;
  }

  const folder = await openRunFolder(out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const resume = found && (await loadCheckpoint(found.named, { onDamaged: found.onDamaged }));
    if (found && resume) noteResumed(found, resume.info.step, engine, report);
    if (replaces) report({ event: "note", text: `${out}: the earlier run is overwritten` });
    const saved = {
      kind: "pretrain",
      command: "pretrain",
      preset: choice.preset,
      settings,
      statistics,
      seed,
      data: record,
      ...own,
      workers,
      engine: choice.engine,
      computedBy: engineIdentity(engine),
      steps,
    } as const satisfies CheckpointSettings;
    const totalSteps = steps ?? settings.epochs * loader.stepsPerEpoch;
    const board = boardOf(method, loader, settings, totalSteps);
    const hooks = await trainingRun(command, { out, lock: folder.lock, saved, resume, board });
    const result = await pretraining({ ...run, watched, ...hooks });
    signal.throwIfAborted();
    const rows = await reconstructionPictures({
      method,
      params: result.state.student,
      dataset: data.train,
      part: "training",
      count: PICTURES,
      context,
    });
    disposeState(result.state);
    const outcome = {
      choice,
      method: methodTexts(settings, parts, method),
      engine,
      data,
      images: images.length,
      loader,
      result,
      leftOut: leftOut.list(),
    };
    const summary = pretrainSummary(outcome);
    const watching = await watchingData(out, result.looks);
    await folder.lock.requireHeld();
    await writeReport(out, { ...pretrainReport(outcome, rows), ...watching });
    await writeFileAtomically(join(out, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
    console.result({ out, ...summary }, pretrainLines(summary, out));
  } finally {
    await folder.close();
  }
};
