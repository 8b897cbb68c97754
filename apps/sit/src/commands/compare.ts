import { join } from "node:path";
import type { ChannelStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { renderComparison } from "@sitjs/eval/report";
import { listCheckpoints, loadCheckpoint } from "@sitjs/train/node";
import { requireDifferent, scopes } from "../command-line/options.js";
import { type Resolved, resolveRun } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import type { Config } from "../config.js";
import { type CheckpointSettings, findCheckpoint } from "../experiment/checkpoint.js";
import { drawImages, openData, type RunData, statisticsOf } from "../experiment/data.js";
import { type DataRecord, dataRecord } from "../experiment/data-record.js";
import { drawLabelled } from "../experiment/labels.js";
import { type LeftOut, leftOutImages } from "../experiment/left-out.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import { withTotalTimeLeft } from "../experiment/time-left.js";
import { runTrial, type TrialOptions, trialPlan } from "../experiment/trial.js";
import {
  type ComparisonState,
  comparisonLines,
  comparisonReport,
  comparisonSummary,
  comparisonTable,
} from "../output/compare-files.js";
import { peakMemoryMB, typedCommand } from "../output/report-data.js";
import { writeReport } from "../output/report-file.js";
import { runFiles } from "../run-folder/files.js";
import type { RunLock } from "../run-folder/lock.js";
import { openRunFolder } from "../run-folder/open.js";
import { engineIdentity } from "../run-folder/resume.js";
import { trainingFiles } from "../run-folder/training-files.js";
import {
  makeTrialFolder,
  readTrial,
  requireComparisonFolder,
  requireSameTrial,
  type TrialRecord,
  type TrialSetup,
  writeTrial,
} from "../run-folder/trials.js";
import {
  type ComparedName,
  comparedTitle,
  comparisonPresets,
  methodOfCompared,
  usualComparison,
} from "../settings/compared.js";

const USUAL_SEEDS = [0, 1, 2];
const USUAL_LABELS = [10, 100];

/**
 * Pretrains by several methods with several seeds, all on the same images with the same network, and judges each in the
 * same way. What an earlier run of the command has done in the folder is not done again.
 */
export const run: Run = async (options, context) => {
  const { report } = context.console;
  const { signal } = context;
  const methods = (options.methods as ComparedName[] | undefined) ?? usualComparison;
  const seeds = (options.seeds as number[] | undefined) ?? USUAL_SEEDS;
  const labelsPerClass = (options.labelsPerClass as number[] | undefined) ?? USUAL_LABELS;
  requireDifferent("--methods", methods);
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", labelsPerClass);
  const choice = await resolveRun(options, {
    defaultOut: "runs/compare",
    defaultPreset: comparisonPresets.folder,
    readyPresets: comparisonPresets,
    scope: scopes.compare,
    methods: methods.map(methodOfCompared),
  });
  const { settings, out } = choice;
  await requireComparisonFolder(out);
  const leftOut = leftOutImages(report);
  const { channels, imageSize } = settings;
  const data = await openData(choice.data, {
    ...{ channels, imageSize, settings, leftOut, report, signal },
    labelled: true,
  });
  for (const count of labelsPerClass) drawLabelled(data.train, count, 0);
  const record = await dataRecord(data);
  const statistics = await statisticsOf(data.train, settings, { leftOut, signal });
  const shared = { choice, data, statistics, record, labelsPerClass, leftOut };
  const trials: Trial[] = [];
  for (const seed of seeds) {
    for (const method of methods) trials.push(await prepare({ ...shared, method, seed }));
  }

  const folder = await openRunFolder(out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const computedBy = engineIdentity(engine);
    const state = (): ComparisonState => {
      const done = trials.flatMap(({ done }) => (done ? [done] : []));
      const { preset } = choice;
      return { methods, seeds, labelsPerClass, preset, settings, engine, data, leftOut, trials: done };
    };
    tellWhatIsDone(state(), computedBy, report);
    await runAll(
      trials.filter(({ done }) => done === undefined),
      {
        choice,
        context,
        computedBy,
        lock: folder.lock,
        finished: async () => await writeComparison(out, state()),
        progress: () => `${state().trials.length} of ${trials.length} trials are done in ${out}`,
      },
    );
    await writeComparison(out, state());
    const wrote = `Wrote ${join(out, runFiles.report)}, ${join(out, runFiles.comparison)} and ${join(out, runFiles.plot)}`;
    const { trials: _, ...summary } = comparisonSummary(state());
    context.console.result({ out, ...summary }, [...comparisonLines(state()), wrote]);
  } finally {
    await folder.close();
  }
};

/** One method with one seed, ready to be run. */
interface Trial {
  readonly setup: TrialSetup;
  readonly options: Omit<TrialOptions, "report" | "hooks">;
  done?: TrialRecord | undefined;
}

async function prepare(of: {
  readonly choice: Resolved;
  readonly data: RunData;
  /** The same for all: no method has a say in them. */
  readonly statistics: ChannelStatistics;
  readonly record: DataRecord;
  readonly labelsPerClass: readonly number[];
  readonly leftOut: LeftOut;
  readonly method: ComparedName;
  readonly seed: number;
}): Promise<Trial> {
  const { choice, data, statistics, record, labelsPerClass, leftOut, method: name, seed } = of;
  const settings = choice.settingsFor(methodOfCompared(name));
  const parts = await makeParts(ownBackbone(choice.config), settings, statistics);
  const backbone = makeBackbone(settings, parts);
  const unlabelled = drawImages(data.train, settings.images, seed, "unlabelled");
  const method = makeMethod({ settings, backbone, statistics, images: unlabelled.length }, parts);
  const setup: TrialSetup = {
    method: name,
    seed,
    preset: choice.preset,
    settings,
    labelsPerClass,
    data: record,
    customParts: customParts(parts),
  };
  return {
    setup,
    options: {
      method,
      pretrained: name !== "scratch",
      backbone,
      parts,
      unlabelled,
      labelled: labelsPerClass.map((count) => drawLabelled(data.train, count, seed)),
      test: data.test as NonNullable<RunData["test"]>,
      context: { settings, statistics, seed, workers: choice.workers, leftOut },
      label: `${comparedTitle(name)}, seed ${seed}: `,
    },
    done: await readTrial(choice.out, setup),
  };
}

/** A config file's network may be compared by any method; its other parts belong to one. */
function ownBackbone(config: Config): Config {
  const { parts } = config;
  if (parts === undefined) return config;
  return {
    ...config,
    async parts(context) {
      const made = typeof parts === "function" ? await parts(context) : parts;
      const other = customParts(made).find((name) => name !== "backbone");
      if (other === undefined) return made;
      throw new SitError(
        "bad-option",
        `config parts.${other}: expected no part but a backbone where methods are compared, got one`,
      );
    },
  };
}

function tellWhatIsDone(
  { trials }: ComparisonState,
  computedBy: string,
  report: CommandContext["console"]["report"],
): void {
  if (trials.length === 0) return;
  report({ event: "note", text: `Already done: ${trials.length}; they are not done again` });
  const other = trials.find((trial) => trial.computedBy !== computedBy)?.computedBy;
  if (other === undefined) return;
  report({
    event: "warning",
    text: `some were run on ${other} and the others are on ${computedBy}: times are not comparable`,
  });
}

interface Running {
  readonly choice: Resolved;
  readonly context: CommandContext;
  readonly computedBy: string;
  readonly lock: RunLock;
  /** Called after each trial. */
  finished(): Promise<void>;
  /** How far all of it is, in words. */
  progress(): string;
}

/** One after the other, each written when it is done. */
async function runAll(trials: readonly Trial[], running: Running): Promise<void> {
  const { choice, context, computedBy, finished, progress } = running;
  const plan = trials.flatMap(({ options }) => trialPlan(options));
  const report = withTotalTimeLeft(context.console.report, plan);
  let saved: Awaited<ReturnType<typeof hooksOf>>["saved"] | undefined;
  context.onStop(async () => ({ done: progress(), ...(await saved?.()), resume: typedCommand() }));
  for (const trial of trials) {
    const { options, setup } = trial;
    const hooks = options.pretrained ? await hooksOf(trial, running) : undefined;
    saved = hooks?.saved;
    const started = performance.now();
    const result = await runTrial({ ...options, report, hooks: { ...hooks, signal: context.signal } });
    const earlier = hooks?.earlier.at(-1)?.seconds ?? 0;
    trial.done = {
      ...setup,
      date: new Date().toISOString(),
      computedBy,
      peakMemoryMB: peakMemoryMB(),
      seconds: earlier + (performance.now() - started) / 1000,
      images: options.unlabelled.length,
      testImages: options.test.length,
      result,
    };
    await writeTrial(choice.out, trial.done);
    saved = undefined;
    await finished();
  }
}

/** How a trial's pretraining is saved while it goes on, and where it goes on if it was stopped. */
async function hooksOf(trial: Trial, { choice, context, computedBy, lock }: Running) {
  const { setup, options } = trial;
  const { report } = context.console;
  const { settings, seed } = setup;
  const folder = await makeTrialFolder(choice.out, setup);
  const found =
    (await listCheckpoints(folder)).length > 0 ? await findCheckpoint(folder, "--out", report) : undefined;
  if (found !== undefined) {
    const { labelsPerClass } = setup;
    requireSameTrial({ ...found.saved, labelsPerClass }, setup, choice.out);
  }
  const resume = found && (await loadCheckpoint(found.named, { onDamaged: found.onDamaged }));
  if (found && resume) {
    const text = `${options.label}going on after step ${resume.info.step} of ${found.info.totalSteps}`;
    report({ event: "note", text });
  }
  const saved: CheckpointSettings = {
    kind: "pretrain",
    command: "compare",
    preset: choice.preset,
    settings,
    statistics: options.context.statistics,
    seed,
    data: setup.data,
    customParts: setup.customParts,
    config: choice.configFile,
    workers: choice.workers,
    engine: choice.engine,
    computedBy,
  };
  const files = await trainingFiles(folder, {
    settings: { ...saved },
    keep: settings.keepCheckpoints,
    resumedAt: resume?.info.step,
    lock,
    skipNotFinite: settings.skipNotFinite,
    report,
  });
  const during: typeof files.during = (training) => context.saving(() => files.during(training));
  return { ...files, during, resume };
}

/** `compare.json`, the report, and its plot. */
async function writeComparison(out: string, state: ComparisonState): Promise<void> {
  const summary = `${JSON.stringify(comparisonSummary(state), null, 2)}\n`;
  await writeFileAtomically(join(out, runFiles.comparison), summary);
  await writeReport(out, comparisonReport(state));
  await writeFileAtomically(join(out, runFiles.plot), await renderComparison(comparisonTable(state)));
}
