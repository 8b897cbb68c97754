import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { disposeState, type TrainState } from "@sitjs/train";
import { checkpointFolder, loadCheckpoint } from "@sitjs/train/node";
import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import {
  type CheckpointSettings,
  type FoundCheckpoint,
  inspectCheckpoint,
} from "../experiment/checkpoint.js";
import { drawImages, openData, statisticsOf } from "../experiment/data.js";
import { pretrainLoader } from "../experiment/loaders.js";
import { makeMethod } from "../experiment/model.js";
import { reconstructionPictures } from "../experiment/pictures.js";
import { pretraining } from "../experiment/pretraining.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import { checkRunFolder, runFiles } from "../output/files.js";
import { type HistoryFile, historyFile } from "../output/history.js";
import { commonReportData, peakMemoryMB, pretrainingData } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import type { Settings } from "../settings/definitions.js";

const PICTURES = 8;

/** Pretrains on images without labels; writes checkpoint, history, summary and report. */
export const run: Run = async (options, { console, signal }) => {
  const { report } = console;
  const choice = await resolveRun(options, { defaultOut: "runs/pretrain", scope: scopes.pretrain });
  const { settings, seed, out, workers } = choice;
  const maximumSteps = options.steps as number | undefined;
  const replaces = await checkRunFolder(out);
  const resumed = options.resume === true ? await resumable(out, settings, seed) : undefined;
  const { channels, imageSize } = settings;
  const data = await openData(choice.data, { channels, imageSize, labelled: false, report });
  const images = drawImages(data.train, settings.images, seed, "unlabelled");
  const statistics = resumed?.saved.statistics ?? (await statisticsOf(data.train, settings));
  const parts = await makeParts(choice.config, settings, statistics);
  const method = makeMethod(settings, parts);
  const context = { settings, statistics, seed, workers };
  const loader = pretrainLoader(images, context, parts);
  const totalSteps = maximumSteps ?? settings.epochs * loader.stepsPerEpoch;
  if (resumed !== undefined) requireStepsLeft(resumed, totalSteps);

  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  if (replaces && resumed === undefined)
    report({ event: "note", text: `${out}: the earlier run is overwritten` });
  const saved: CheckpointSettings = {
    kind: "pretrain",
    settings,
    statistics,
    seed,
    data: data.name,
    customParts: customParts(parts),
  };
  let history: HistoryFile | undefined;
  let state: TrainState | undefined;
  try {
    const result = await pretraining({
      method,
      loader,
      settings,
      seed,
      report,
      maximumSteps,
      signal,
      checkpoints: checkpointFolder(out, { ...saved }),
      initial: resumed && (await loadCheckpoint(resumed.file)).state,
      async onStep(record) {
        history ??= await historyFile(out, resumed !== undefined);
        history.write(record);
      },
    });
    state = result.state;
    const epochs = totalSteps / loader.stepsPerEpoch;
    const rows = await reconstructionPictures({
      method,
      params: state.student,
      dataset: data.train,
      count: PICTURES,
      context,
    });
    const { steps, seconds, imagesPerSecond } = result;
    const per = (name: string) => result.epochs.map((epoch) => epoch.metrics[name] ?? null);
    const summary = {
      command: "pretrain",
      engine: engine.name,
      dataset: data.name,
      images: images.length,
      seed,
      preset: choice.preset,
      settings,
      pretrain: {
        epochs,
        steps,
        seconds,
        imagesPerSecond,
        reconstruction: per("reconstruction"),
        contrast: per("contrast"),
      },
      peakMemoryMB: peakMemoryMB(),
    };
    await writeReport(out, {
      ...commonReportData({ title: `Pretraining on ${data.name}`, engine, settings, seed }),
      dataset: {
        name: data.name,
        images: images.length,
        unlabelled: images.length,
        imageSize: [imageSize, imageSize, channels],
      },
      pretrain: pretrainingData(result, epochs),
      ...(rows && { reconstructions: [{ title: "Training images", rows }] }),
    });
    await writeFileAtomically(join(out, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
    const last = result.epochs.at(-1)?.metrics ?? {};
    console.result({ out, ...summary }, [
      `Pretrained ${steps} steps on ${images.length} images at ${imagesPerSecond.toFixed(1)} images/s: ` +
        Object.entries(last)
          .map(([name, value]) => `${name} ${value.toFixed(4)}`)
          .join(", "),
      `Wrote ${join(out, runFiles.checkpoint)} and ${join(out, runFiles.report)}`,
    ]);
  } finally {
    await history?.close();
    if (state !== undefined) disposeState(state);
  }
};

/** The checkpoint to go on from, which must have been made with the same settings. */
async function resumable(out: string, settings: Settings, seed: number) {
  const found = await inspectCheckpoint(out);
  const { saved } = found;
  if (saved.kind !== "pretrain") {
    throw new SitError(
      "bad-option",
      `--resume: expected a pretraining run in ${out}, got a ${saved.kind} run`,
    );
  }
  const names = Object.keys(settings) as (keyof Settings)[];
  const other = names.find((name) => saved.settings[name] !== settings[name] && name !== "checkpointEvery");
  if (other !== undefined) {
    throw new SitError(
      "bad-option",
      `--resume: expected the settings of the run, ${other} ${saved.settings[other]}, got ${settings[other]}`,
    );
  }
  if (saved.seed !== seed)
    throw new SitError("bad-option", `--resume: expected the run's seed ${saved.seed}, got ${seed}`);
  return found;
}

/** Schedules span the whole run, so one that goes on has the length it began with. */
function requireStepsLeft({ step, totalSteps: planned }: FoundCheckpoint, totalSteps: number): void {
  if (planned !== totalSteps) {
    throw new SitError(
      "bad-option",
      `--resume: expected a run of ${planned} steps, as it began, got ${totalSteps}`,
    );
  }
  if (step >= totalSteps) {
    throw new SitError(
      "bad-option",
      `--resume: expected a run with steps left, got one that has done all ${step}`,
    );
  }
}
