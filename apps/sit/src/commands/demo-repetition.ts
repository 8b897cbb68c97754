import type { Engine } from "@sitjs/engine";
import type { Resolved } from "../command-line/resolve.js";
import type { CommandContext } from "../command-line/run-command.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { drawImages, statisticsOf } from "../experiment/data.js";
import type { DataRecord } from "../experiment/data-record.js";
import type { DemoOptions } from "../experiment/demo.js";
import { drawLabelled } from "../experiment/labels.js";
import type { LeftOut } from "../experiment/left-out.js";
import { makeBackbone, makeMethod, methodTexts } from "../experiment/model.js";
import { ownParts } from "../experiment/own-parts.js";
import type { RunData } from "../experiment/run-data.js";
import { makeParts } from "../experiment/session.js";
import { type DemoSetup, type DemoSummary, demoLines } from "../output/demo-files.js";
import { engineIdentity } from "../run-folder/resume.js";
import { portablePresets } from "../settings/presets.js";

/** A demo's choices, as its engine allows. */
export interface Fitted extends Resolved {
  readonly warnings: readonly string[];
}

/** Takes the smaller preset on a portable engine, unless a preset was asked for; and says so. */
export function fitToEngine(choice: Resolved, engine: Engine, available: number): Fitted {
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
export async function prepareRepetition(options: {
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
    ...(await ownParts(choice, parts)),
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
