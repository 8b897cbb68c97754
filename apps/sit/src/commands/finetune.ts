import { join } from "node:path";
import { disposeParams } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { checkpointFolder } from "@sitjs/train/node";
import { scopes } from "../command-line/options.js";
import { type ParsedOptions, resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { type CheckpointSettings, inspectCheckpoint, shapeSettings } from "../experiment/checkpoint.js";
import { openData, statisticsOf } from "../experiment/data.js";
import { finetuning } from "../experiment/evaluation.js";
import { drawLabelled } from "../experiment/labels.js";
import { makeBackbone } from "../experiment/model.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import { loadTrained, requireParts } from "../experiment/trained.js";
import { checkRunFolder, runFiles } from "../output/files.js";
import { commonReportData, peakMemoryMB } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import { optionName } from "../settings/check.js";
import type { Settings } from "../settings/definitions.js";

/** Trains a classifier on labelled images, from a checkpoint or from scratch, and tells its accuracy. */
export const run: Run = async (options, { console, signal }) => {
  const { report } = console;
  const found = await startingPoint(options);
  const choice = await resolveRun(options, {
    defaultOut: "runs/finetune",
    scope: scopes.finetune,
    checkpoint: found?.saved.settings,
  });
  const { settings, seed, out, workers } = choice;
  if (found !== undefined) requireSameShape(settings, found.saved.settings);
  const replaces = await checkRunFolder(out);
  const { channels, imageSize } = settings;
  const data = await openData(choice.data, { channels, imageSize, labelled: true, report });
  const test = data.test as NonNullable<typeof data.test>;
  const perClass = options.labelsPerClass as number | undefined;
  const train = perClass === undefined ? data.train : drawLabelled(data.train, perClass, seed);
  const statistics = found?.saved.statistics ?? (await statisticsOf(data.train, settings));
  const parts = await makeParts(choice.config, settings, statistics);
  if (found !== undefined) requireParts(found, parts, ["backbone"]);
  const backbone = makeBackbone(settings, parts);

  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const trained = found && (await loadTrained(found, settings));
  const start = trained === undefined ? "scratch" : "pretrained";
  const result = await finetuning({
    name: trained === undefined ? "Training from scratch" : "Fine-tuning",
    backbone,
    pretrained: trained?.backbone,
    train,
    test,
    context: { settings, statistics, seed, workers },
    report,
    signal,
  });
  trained?.dispose();
  const { top1, top5, trainImages, testImages, steps, seconds, params, losses } = result;
  if (replaces) report({ event: "note", text: `${out}: the earlier run is overwritten` });
  const saved: CheckpointSettings = {
    kind: "finetune",
    settings,
    statistics,
    seed,
    data: data.name,
    classes: test.classes ?? [],
    customParts: customParts(parts).filter((name) => name === "backbone"),
  };
  const epochs = losses.at(-1)?.epoch ?? 0;
  await checkpointFolder(out, { ...saved }).save(
    { student: params, teacher: undefined, optimizer: {}, step: steps },
    { epoch: Math.floor(epochs), step: steps, totalSteps: steps },
  );
  disposeParams(params);
  const summary = {
    command: "finetune",
    engine: engine.name,
    dataset: data.name,
    start,
    seed,
    settings,
    labels: trainImages,
    testImages,
    steps,
    seconds,
    accuracy: { top1, top5 },
    peakMemoryMB: peakMemoryMB(),
  };
  await writeReport(out, {
    ...commonReportData({ title: `Fine-tuning on ${data.name}`, engine, settings, seed }),
    dataset: {
      name: data.name,
      images: trainImages + testImages,
      labelled: trainImages,
      test: testImages,
      imageSize: [imageSize, imageSize, channels],
      classes: test.classes,
    },
    accuracy: [{ labels: trainImages, [start]: top1 }],
    finetune: [{ labels: trainImages, start, history: losses }],
  });
  await writeFileAtomically(join(out, runFiles.summary), `${JSON.stringify(summary, null, 2)}\n`);
  console.result({ out, ...summary }, [
    `Accuracy ${(100 * top1).toFixed(2)} % on ${testImages} test images, with ${trainImages} labels, ${start === "scratch" ? "from scratch" : "pretrained"}`,
    `Wrote ${join(out, runFiles.checkpoint)} and ${join(out, runFiles.report)}`,
  ]);
};

async function startingPoint(options: ParsedOptions) {
  const { checkpoint, fromScratch } = options;
  if (checkpoint !== undefined && fromScratch === true) {
    throw new SitError("bad-option", "--from-scratch: expected no --checkpoint beside it, got one");
  }
  if (checkpoint === undefined && fromScratch !== true) {
    throw new SitError(
      "bad-option",
      "--checkpoint: expected the folder of a pretraining run, or --from-scratch, got neither",
    );
  }
  return checkpoint === undefined ? undefined : await inspectCheckpoint(checkpoint as string);
}

/** Throws where options, config or preset ask for another network than the checkpoint holds. */
function requireSameShape(settings: Settings, saved: Settings): void {
  const names = Object.keys(settings) as (keyof Settings)[];
  const other = names.find((name) => shapeSettings.has(name) && settings[name] !== saved[name]);
  if (other === undefined) return;
  throw new SitError(
    "bad-option",
    `${optionName(other)}: expected ${saved[other]}, as the checkpoint has it, got ${settings[other]}`,
  );
}
