import { join } from "node:path";
import type { ChannelStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { ablationKeys, checkAblation } from "../ablation/check.js";
import type { Ablation } from "../ablation/definition.js";
import { type GridCommon, type GridVariant, gridOf } from "../ablation/grid.js";
import { configKeys, loadModule } from "../command-line/config-file.js";
import { requireDifferent, scopes } from "../command-line/options.js";
import { type Resolved, resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import type { Config } from "../config.js";
import { drawImages, openData, statisticsOf } from "../experiment/data.js";
import { dataRecord } from "../experiment/data-record.js";
import { drawLabelled } from "../experiment/labels.js";
import { type LeftOut, leftOutImages } from "../experiment/left-out.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import type { RunData } from "../experiment/run-data.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import {
  type AblationState,
  ablationLines,
  ablationSummary,
  isOfAblation,
  writeAblation,
} from "../output/ablate-files.js";
import { runFiles } from "../run-folder/files.js";
import { openRunFolder } from "../run-folder/open.js";
import { engineIdentity } from "../run-folder/resume.js";
import { passWhatIsDone, runTrials, type Trial } from "../run-folder/run-trials.js";
import type { TrialSetup } from "../run-folder/trial-record.js";
import { readTrial, requireTrialsFolder } from "../run-folder/trials.js";
import { comparisonPresets } from "../settings/compared.js";
import type { Settings } from "../settings/settings.js";

const USUAL_SEEDS = [0, 1, 2];
const USUAL_LABELS = [10];
const USUAL_BANK = 10_000;

/**
 * Runs the grid of a file: each variant with each seed, judged by k-NN, a linear probe and classifiers of few labels. What
 * an earlier run of the command has done in the folder is not done again.
 */
export const run: Run = async (options, context, file) => {
  const { report } = context.console;
  const { signal } = context;
  const ablation = chosenAxes(await loadAblation(file as string), options.axes as string | undefined);
  const seeds = (options.seeds as number[] | undefined) ?? ablation.seeds ?? USUAL_SEEDS;
  const labelsPerClass =
    (options.labelsPerClass as number[] | undefined) ?? ablation.labelsPerClass ?? USUAL_LABELS;
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", labelsPerClass);
  const choice = await resolveRun(options, {
    defaultOut: "runs/ablate",
    defaultPreset: comparisonPresets.folder,
    readyPresets: comparisonPresets,
    scope: scopes.ablate,
    config: baseOf(ablation, options.config),
  });
  const { settings, out } = choice;
  await requireTrialsFolder(out, "ablation", isOfAblation);
  const leftOut = leftOutImages(report);
  const { channels, imageSize } = settings;
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const data = await openData(choice.data, { ...opening, labelled: true });
  for (const count of labelsPerClass) drawLabelled(data.train, count, 0);
  const record = await dataRecord(data);
  const { bankImages = USUAL_BANK } = ablation;
  const common = { labelsPerClass, bankImages, data: record };
  const axes = gridOf(ablation, choice, common);
  for (const { variants } of axes) for (const variant of variants) requireSameImages(variant, settings);
  const statistics = await statisticsOf(data.train, settings, { leftOut, signal });
  const different = new Map(
    axes.flatMap(({ variants }) => variants).map((variant) => [variant.id, variant] as const),
  );
  const trials: Trial[] = [];
  for (const seed of seeds) {
    for (const variant of different.values()) {
      trials.push(await prepare({ choice, data, statistics, common, leftOut, variant, seed }));
    }
  }

  const folder = await openRunFolder(out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const computedBy = engineIdentity(engine);
    const state = (): AblationState => ({
      ablation,
      axes,
      seeds,
      labelsPerClass,
      bankImages,
      preset: choice.preset,
      settings,
      engine,
      data,
      leftOut,
      trials: trials.flatMap(({ done }) => (done ? [done] : [])),
      wanted: trials.length,
    });
    report({
      event: "note",
      text: `${trials.length} runs: ${different.size} different variants with ${seeds.length} seeds`,
    });
    await passWhatIsDone(state().trials, { out, computedBy, report });
    await runTrials(
      trials.filter(({ done }) => done === undefined),
      {
        command: "ablate",
        choice,
        context,
        computedBy,
        lock: folder.lock,
        finished: async () => await writeAblation(out, state()),
        progress: () => `${state().trials.length} of ${trials.length} runs are done in ${out}`,
      },
    );
    await writeAblation(out, state());
    const { trials: _, ...summary } = ablationSummary(state());
    const wrote = `Wrote ${join(out, runFiles.report)} and ${join(out, runFiles.ablation)}`;
    context.console.result({ out, ...summary }, [...ablationLines(state()), wrote]);
  } finally {
    await folder.close();
  }
};

/** @throws SitError "missing-file", "bad-file" or "bad-option" naming the file or the place in it */
async function loadAblation(file: string): Promise<Ablation> {
  const keys = [...configKeys.filter((key) => key !== "seed"), ...ablationKeys];
  const ablation = (await loadModule(file, file, "defineAblation", keys)) as Ablation;
  checkAblation(ablation);
  return ablation;
}

/** The file with only some of its axes, and the findings that are about these. */
function chosenAxes(ablation: Ablation, names: string | undefined): Ablation {
  if (names === undefined) return ablation;
  const chosen = names.split(",");
  requireDifferent("--axes", chosen);
  const known = ablation.axes.map(({ name }) => name);
  const other = chosen.find((name) => !known.includes(name));
  if (other !== undefined) {
    throw new SitError("bad-option", `--axes: expected names among ${known.join(", ")}, got ${other}`);
  }
  const isChosen = (path: string) => chosen.includes(path.split("/")[0] as string);
  return {
    ...ablation,
    axes: ablation.axes.filter(({ name }) => chosen.includes(name)),
    findings: ablation.findings?.filter(({ better, worse }) => [...better, ...worse].every(isChosen)) ?? [],
  };
}

/** What the file says of the base, as a config file would. */
function baseOf(ablation: Ablation, config: unknown): Config {
  if (config !== undefined) {
    throw new SitError("bad-option", "--config: expected none, since the ablation's file is one, got one");
  }
  const { title, seeds, labelsPerClass, bankImages, axes, findings, ...base } = ablation;
  return base;
}

/** All variants look at the same pictures. */
function requireSameImages({ path, settings }: GridVariant, base: Settings): void {
  const name = (["channels", "statistics"] as const).find((each) => settings[each] !== base[each]);
  if (name === undefined) return;
  throw new SitError(
    "bad-option",
    `ablation ${path} settings.${name}: expected ${base[name]} as in the base, got ${settings[name]}`,
  );
}

async function prepare(of: {
  readonly choice: Resolved;
  readonly data: RunData;
  readonly statistics: ChannelStatistics;
  readonly common: GridCommon;
  readonly leftOut: LeftOut;
  readonly variant: GridVariant;
  readonly seed: number;
}): Promise<Trial> {
  const { choice, data, statistics, common, leftOut, variant, seed } = of;
  const { settings, method: compared, id, path } = variant;
  const { labelsPerClass, bankImages } = common;
  const parts = await makeParts(choice.config, settings, statistics);
  const backbone = makeBackbone(settings, parts);
  const unlabelled = drawImages(data.train, settings.images, seed, "unlabelled");
  const method = makeMethod({ settings, backbone, statistics, images: unlabelled.length }, parts);
  const setup: TrialSetup = {
    folder: join(runFiles.trials, id),
    method: compared,
    seed,
    preset: choice.preset,
    settings,
    labelsPerClass,
    data: common.data,
    customParts: customParts(parts),
  };
  return {
    setup,
    options: {
      method,
      pretrained: compared !== "scratch",
      backbone,
      parts,
      unlabelled,
      bank: drawImages(data.train, bankImages, seed, "bank"),
      linear: true,
      labelled: labelsPerClass.map((count) => drawLabelled(data.train, count, seed)),
      test: data.test as NonNullable<RunData["test"]>,
      context: { settings, statistics, seed, workers: choice.workers, leftOut },
      label: `${path}, seed ${seed}: `,
    },
    done: await readTrial(choice.out, setup),
  };
}
